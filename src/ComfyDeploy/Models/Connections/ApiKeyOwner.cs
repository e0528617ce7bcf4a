using System.Security;
using System.Text;
using System.Text.Json;

namespace ComfyDeploy;

/// <summary>The owner of a key, as stated in the key itself: keys are signed tokens with a readable part.</summary>
internal readonly record struct ApiKeyOwner(string? UserId, string? OrgId)
{
    /// <summary>Reads the payload of a key; the owner of any other text is unknown.</summary>
    internal static ApiKeyOwner Read(SecureString apiKey)
    {
        string[] parts = apiKey.Reveal().Split('.');
        if (parts.Length != 3) return default;
        try
        {
            string base64 = parts[1].Replace('-', '+').Replace('_', '/');
            byte[] payload = Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '='));
            using JsonDocument document = JsonDocument.Parse(Encoding.UTF8.GetString(payload));
            return new(Text(document.RootElement, "user_id"), Text(document.RootElement, "org_id"));
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return default;
        }
    }

    private static string? Text(JsonElement payload, string name) =>
        payload.ValueKind == JsonValueKind.Object && payload.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
