namespace ComfyDeploy.Emulator.Service;

/// <summary>Whose key a request carried: an organization's rows, or a user's own.</summary>
internal sealed record Caller(string UserId, string? OrgId)
{
    /// <summary>The rule of every list: an organization's key sees that organization's rows; a personal key sees the rows of its user that belong to no organization.</summary>
    public bool Owns(string? userId, string? orgId) => OrgId is null ? orgId is null && userId == UserId : orgId == OrgId;
}
