using System.Text;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>The first line: whose manifest it is.</summary>
internal static class ManifestHeader
{
    private static ReadOnlySpan<byte> Begin => "{\"manifest\":1,"u8;

    internal static string Write(ComfyConnection connection, DateTime now) => JsonText.Build(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("manifest", 1);
        writer.WriteString("base_uri", connection.Address);
        if (connection.UserId is not null) writer.WriteString("user_id", connection.UserId);
        if (connection.OrgId is not null) writer.WriteString("org_id", connection.OrgId);
        writer.WriteString("created_at", now);
        writer.WriteEndObject();
    });

    /// <summary>Whether it is empty, or a header that was cut off while it was written.</summary>
    internal static bool IsBeginning(ReadOnlySpan<byte> text)
    {
        while (text.Length > 0 && text[text.Length - 1] == 0) text = text.Slice(0, text.Length - 1);
        return text.StartsWith(Begin) || Begin.StartsWith(text);
    }

    internal static void Check(ReadOnlySpan<byte> line, string path, ComfyConnection connection)
    {
        if (Parse(line) is not { } theirs) throw Errors.ManifestInvalid(path, 1);
        string ours = Describe(connection.Address, connection.UserId, connection.OrgId);
        if (theirs != ours) throw Errors.ManifestMismatch(path, theirs, connection.Name, ours);
    }

    private static string? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            using JsonDocument header = JsonDocument.Parse(ValidJson.Of(Encoding.UTF8.GetString(line.ToArray())));
            JsonElement root = header.RootElement;
            bool isOurs = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("manifest", out JsonElement version)
                && version.ValueKind == JsonValueKind.Number && version.TryGetInt32(out int number) && number == 1;
            return isOurs ? Describe(root.Text("base_uri"), root.Text("user_id"), root.Text("org_id")) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Describe(string? baseUri, string? userId, string? orgId) =>
        $"user {userId ?? "unknown"}, organization {orgId ?? "none"} at {baseUri}";
}
