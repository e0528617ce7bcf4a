using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Storage;

/// <summary>Stores uploaded files under names made by the service.</summary>
internal sealed class Uploads(Func<OutputFile, string> link)
{
    // The files of some accounts are private. Here, the name decides, as a prompt does for the files of a run.
    private const string PrivateTag = "#private";

    private static readonly Regex InlineImage = new("^data:image/(png|jpeg|jpg);base64,", RegexOptions.CultureInvariant);

    /// <summary>Stores a file and returns its ID and its link.</summary>
    public (string FileId, string Link) Store(Account account, string fileName, string contentType, byte[] bytes)
    {
        string prefix = contentType switch
        {
            "application/zip" => "zip",
            _ when contentType.StartsWith("image/", StringComparison.Ordinal) => "img",
            _ when contentType.StartsWith("video/", StringComparison.Ordinal) => "vid",
            _ when contentType.StartsWith("audio/", StringComparison.Ordinal) => "audio",
            _ => "file",
        };
        string id = prefix + "_" + account.Ids.NextFileId();
        OutputFile file = new()
        {
            Name = fileName,
            Path = "/inputs/" + id + Path.GetExtension(fileName),
            ContentType = contentType,
            IsPublic = !fileName.Contains(PrivateTag),
            Bytes = bytes,
        };
        account.AddFile(file);
        return (id, link(file));
    }

    /// <summary>The inputs, with every image that was sent as text stored and replaced by its link, and links to private files signed anew.</summary>
    public JsonObject WithLinks(Account account, JsonObject inputs)
    {
        JsonObject replaced = [];
        foreach (KeyValuePair<string, JsonNode?> input in inputs) replaced[input.Key] = Replace(account, input.Value);
        return replaced;
    }

    private JsonNode? Replace(Account account, JsonNode? value)
    {
        if (value is not JsonValue text || text.GetValueKind() != JsonValueKind.String) return value?.DeepClone();
        string data = text.GetValue<string>();
        Match match = InlineImage.Match(data);
        if (!match.Success) return Sign(account, data) ?? value.DeepClone();
        string kind = match.Groups[1].Value;
        return Store(account, "inline." + kind, "image/" + kind, Convert.FromBase64String(data.Substring(match.Length))).Link;
    }

    private JsonValue? Sign(Account account, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? given) || account.FindFile(given.AbsolutePath) is not { IsPublic: false } file) return null;
        string fresh = link(file);
        return new Uri(fresh).Authority == given.Authority ? JsonValue.Create(fresh) : null;
    }
}
