namespace ComfyDeploy.Client;

/// <summary>The account that a manifest belongs to.</summary>
internal sealed record ManifestHeader(string BaseUri, string? UserId, string? OrgId)
{
    internal static ManifestHeader Of(ComfyConnection connection) => new(connection.Address, connection.UserId, connection.OrgId);

    /// <summary>Such as <c>https://api.comfydeploy.com/api, user u1, organization o1</c>.</summary>
    public override string ToString() =>
        string.Join(", ", new[] { BaseUri, UserId is null ? null : $"user {UserId}", OrgId is null ? null : $"organization {OrgId}" }
            .Where(part => part is not null));
}
