using System.Text.Json;
using System.Text.RegularExpressions;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Compares the inputs that were sent with those that the service stored.</summary>
internal static class InputComparison
{
    // As deep as inputs can be written.
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 1000 };
    private static readonly Regex Data = new("\"data:[^\"\\\\]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    /// <summary>
    /// Whether the stored inputs are those that were sent: numbers by value, objects unordered, files by key, since the service rewrites
    /// their links.
    /// </summary>
    internal static bool AreSame(string sent, string? stored)
    {
        using JsonDocument ours = JsonDocument.Parse(ValidJson.Of(sent), Deep);
        using JsonDocument theirs = JsonDocument.Parse(ValidJson.Of(stored ?? "{}"), Deep);
        return AreSame(ours.RootElement, theirs.RootElement);
    }

    /// <summary>
    /// Whether a stored run could be that of either create and it matters whose it is: their inputs are compared as equal and are not,
    /// or cannot be told apart because they contain files.
    /// </summary>
    internal static bool AreConfusable(string sent, string other) =>
        sent == other ? Data.IsMatch(sent) : AreSame(sent, other) || AreSame(other, sent);

    /// <summary>The inputs without the content of their files, which is compared with nothing.</summary>
    internal static string WithoutData(string inputs) => Data.Replace(inputs, "\"data:");

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
        (string text, string? hash) = RecordedInputs.Split(sent);
        if (hash is not null)
        {
            if (hash == Sha256.Of(stored)) return true;
            // The service changes no text but a link to S3, which it signs anew.
            if (stored.IndexOf("X-Amz-Signature=", StringComparison.OrdinalIgnoreCase) < 0) return false;
        }
        if (text == SafeText.HideSignatures(stored)) return true;
        return StoredLink.IsLink(text, out Uri? from) && StoredLink.IsLink(stored, out Uri? to) && AreSameLinks(from!, to!);
    }

    /// <summary>
    /// The service moves the bucket between host and path, and signs. A file name alone, such as ComfyUI_00001_.png, is the same for many
    /// files.
    /// </summary>
    private static bool AreSameLinks(Uri sent, Uri stored)
    {
        (string longer, string shorter) = sent.AbsolutePath.Length >= stored.AbsolutePath.Length
            ? (sent.AbsolutePath, stored.AbsolutePath)
            : (stored.AbsolutePath, sent.AbsolutePath);
        if (shorter == longer && sent.Authority == stored.Authority) return true;
        return shorter.LastIndexOf('/') > 0 && longer.EndsWith(shorter, StringComparison.Ordinal);
    }

    private static bool AreSameNumbers(JsonElement sent, JsonElement stored)
    {
        if (!sent.TryGetDecimal(out decimal a) || !stored.TryGetDecimal(out decimal b))
        {
            return sent.TryGetDouble(out double x) && stored.TryGetDouble(out double y) && x.Equals(y);
        }
        // A fraction is stored as a double, which may have fewer digits; a whole number, such as a seed, keeps all of them.
        return a == b || (a % 1 != 0 && sent.GetDouble().Equals(stored.GetDouble()));
    }
}
