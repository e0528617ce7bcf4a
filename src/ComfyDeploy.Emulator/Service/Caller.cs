namespace ComfyDeploy.Emulator.Service;

/// <summary>Whose key a request carried: an organisation's rows, or a user's own.</summary>
internal sealed record Caller(string UserId, string? OrgId)
{
    /// <summary>The rule of every list: an organisation's key sees that organisation's rows, a personal one the user's without organisation.</summary>
    public bool Owns(string? userId, string? orgId) => OrgId is null ? orgId is null && userId == UserId : orgId == OrgId;
}
