using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Compares the inputs that were sent with those that the service stored.</summary>
internal static class InputComparison
{
    /// <summary>
    /// Whether the stored inputs are those that were sent: numbers by value, objects unordered, files by key, since the service rewrites
    /// their links.
    /// </summary>
    internal static bool AreSame(string sent, string? stored)
    {
        using JsonDocument ours = JsonDocument.Parse(ValidJson.Of(sent));
        using JsonDocument theirs = JsonDocument.Parse(ValidJson.Of(stored ?? "{}"));
        return AreSame(ours.RootElement, theirs.RootElement);
    }

    private static bool AreSame(JsonElement sent, JsonElement stored)
    {
        if (sent.ValueKind != stored.ValueKind) return false;
        return sent.ValueKind switch
        {
            JsonValueKind.Object => AreSameObjects(sent, stored),
            JsonValueKind.Array => sent.GetArrayLength() == stored.GetArrayLength()
                && sent.EnumerateArray().Zip(stored.EnumerateArray(), AreSame).All(same => same),
            JsonValueKind.String => AreSameTexts(sent.GetString()!, stored.GetString()!),
            JsonValueKind.Number => AreSameNumbers(sent, stored),
            _ => true,
        };
    }

    private static bool AreSameObjects(JsonElement sent, JsonElement stored)
    {
        Dictionary<string, JsonElement> expected = Members(sent);
        Dictionary<string, JsonElement> actual = Members(stored);
        return expected.Count == actual.Count
            && expected.All(member => actual.TryGetValue(member.Key, out JsonElement value) && AreSame(member.Value, value));
    }

    private static Dictionary<string, JsonElement> Members(JsonElement element)
    {
        Dictionary<string, JsonElement> members = [];
        foreach (JsonProperty property in element.EnumerateObject()) members[property.Name] = property.Value;
        return members;
    }

    private static bool AreSameTexts(string sent, string stored)
    {
        if (sent == stored || sent.StartsWith("data:", StringComparison.OrdinalIgnoreCase)) return true;
        return IsLink(sent, out Uri? from) && IsLink(stored, out Uri? to) && from!.Segments.Last() == to!.Segments.Last();
    }

    private static bool IsLink(string text, out Uri? link) =>
        Uri.TryCreate(text, UriKind.Absolute, out link) && (link.Scheme == Uri.UriSchemeHttps || link.Scheme == Uri.UriSchemeHttp);

    private static bool AreSameNumbers(JsonElement sent, JsonElement stored)
    {
        if (!sent.TryGetDecimal(out decimal a) || !stored.TryGetDecimal(out decimal b)) return sent.GetDouble().Equals(stored.GetDouble());
        // A fraction is stored as a double, which may have fewer digits; a whole number, such as a seed, keeps all of them.
        return a == b || (a % 1 != 0 && sent.GetDouble().Equals(stored.GetDouble()));
    }
}
