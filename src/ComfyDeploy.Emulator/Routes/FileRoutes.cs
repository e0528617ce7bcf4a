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
    };

    public void AddTo(Router router) => router.Add("POST", "/file/upload", Upload);

    private HttpResponse Upload(Call call)
    {
        FormPart part = MultipartForm.Read(call.Request).LastOrDefault(p => p.Name == "file")
            ?? throw ApiError.Invalid(Validation.Missing(["body", "file"], null));
        if (part.FileName is null) throw ApiError.Invalid(NotAFile(part));
        string type = Types.TryGetValue(Path.GetExtension(part.FileName), out string? known) ? known : "application/octet-stream";
        if (type.StartsWith("text/", StringComparison.Ordinal)) throw ApiError.Detail(400, "Unsupported file type");
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

    private static JsonObject NotAFile(FormPart part)
    {
        string text = Encoding.GetEncoding(Latin1).GetString(part.Content);
        JsonObject item = Validation.Item("value_error", ["body", "file"], "Value error, Expected UploadFile, received: <class 'str'>", text);
        item["ctx"] = new JsonObject { ["error"] = new JsonObject() };
        return item;
    }
}
