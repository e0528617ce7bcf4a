using System.Text;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Storage;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The upload route.</summary>
internal sealed class FileRoutes(Uploads uploads)
{
    private const int MaxFileSize = 250 * 1024 * 1024;
    private const int Latin1 = 28591;

    // The service guesses the type from the name alone; an unknown extension is an octet stream, which it accepts.
    private static readonly Dictionary<string, string> Types = new(StringComparer.OrdinalIgnoreCase)
    {
        [".png"] = "image/png",
        [".jpg"] = "image/jpeg",
        [".jpeg"] = "image/jpeg",
        [".gif"] = "image/gif",
        [".webp"] = "image/webp",
        [".bmp"] = "image/bmp",
        [".tif"] = "image/tiff",
        [".tiff"] = "image/tiff",
        [".svg"] = "image/svg+xml",
        [".mp4"] = "video/mp4",
        [".webm"] = "video/webm",
        [".mov"] = "video/quicktime",
        [".avi"] = "video/x-msvideo",
        [".mp3"] = "audio/mpeg",
        [".wav"] = "audio/x-wav",
        [".ogg"] = "audio/ogg",
        [".flac"] = "audio/flac",
        [".json"] = "application/json",
        [".zip"] = "application/zip",
        [".pdf"] = "application/pdf",
        [".txt"] = "text/plain",
        [".csv"] = "text/csv",
        [".html"] = "text/html",
        [".htm"] = "text/html",
        [".md"] = "text/markdown",
        [".css"] = "text/css",
        [".py"] = "text/x-python",
        [".xml"] = "text/xml",
        [".tsv"] = "text/tab-separated-values",
        [".eml"] = "message/rfc822",
    };

    // The guess looks through a compression: notes.txt.gz is a text.
    private static readonly HashSet<string> Compressions = [".br", ".bz2", ".gz", ".xz", ".Z"];

    private static readonly string[] Accepted = ["image/", "video/", "audio/", "application/"];

    public void AddTo(Router router) => router.Add("POST", "/file/upload", Upload);

    private HttpResponse Upload(Call call)
    {
        FormPart part = MultipartForm.Read(call.Request).LastOrDefault(p => p.Name == "file")
            ?? throw ApiError.Invalid(Validation.Missing(["body", "file"], null));
        if (part.FileName is null) throw ApiError.Invalid(NotAFile(part));
        string type = TypeOf(part.FileName);
        if (!Accepted.Any(kind => type.StartsWith(kind, StringComparison.Ordinal))) throw ApiError.Detail(400, "Unsupported file type");
        if (part.Content.Length > MaxFileSize) throw ApiError.Detail(400, "File size exceeds 250MB limit");
        (string id, string link) = uploads.Store(call.Account, part.FileName, type, part.Content);
        return HttpResponse.Json(200, new JsonObject
        {
            ["message"] = "File uploaded successfully",
            ["file_id"] = id,
            ["file_name"] = part.FileName,
            ["file_url"] = link,
        });
    }

    private static string TypeOf(string fileName)
    {
        string extension = Path.GetExtension(fileName.TrimStart('.'));
        if (Compressions.Contains(extension)) return TypeOf(Path.GetFileNameWithoutExtension(fileName));
        return Types.TryGetValue(extension, out string? type) ? type : "application/octet-stream";
    }

    private static JsonObject NotAFile(FormPart part)
    {
        string text = Encoding.GetEncoding(Latin1).GetString(part.Content);
        JsonObject item = Validation.Item("value_error", ["body", "file"], "Value error, Expected UploadFile, received: <class 'str'>", text);
        item["ctx"] = new JsonObject { ["error"] = new JsonObject() };
        return item;
    }
}
