using System.Globalization;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Storage;

/// <summary>The storage host, another origin than the API: it serves the files of runs and rejects requests that have the API's key.</summary>
internal sealed class StorageSite(Account account, KeyRing keys)
{
    private const int LinkSeconds = 3600;
    private const string DateFormat = "yyyyMMdd'T'HHmmss'Z'";

    /// <summary>The URL of the host, known once its port is.</summary>
    public Uri BaseUri { get; set; } = new("http://127.0.0.1/");

    /// <summary>The link of a file: plain for a public file; signed and valid for an hour for a private file.</summary>
    public string Link(OutputFile file)
    {
        string plain = BaseUri.GetLeftPart(UriPartial.Authority) + file.Path;
        if (file.IsPublic) return plain;
        string date = account.Now.ToString(DateFormat, CultureInfo.InvariantCulture);
        return plain + "?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            + $"&X-Amz-Credential=EMULATOR%2F{date.Substring(0, 8)}%2Fus-east-2%2Fs3%2Faws4_request&X-Amz-Date={date}"
            + $"&X-Amz-Expires={LinkSeconds}&X-Amz-SignedHeaders=host&X-Amz-Signature={keys.Sign(file.Path + date)}";
    }

    public HttpResponse Handle(HttpRequest request)
    {
        if (request.Header("authorization") is not null) return Error(400, "InvalidArgument", "Only one auth mechanism allowed");
        if (request.Method is not ("GET" or "HEAD")) return Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
        DateTime now = account.Now;
        OutputFile? file;
        lock (account.Gate) file = account.FindFile(request.Path);
        if (file is null) return Error(403, "AccessDenied", "Access Denied");
        if (!file.IsPublic && Refusal(request, now) is string refusal) return Error(403, "AccessDenied", refusal);
        HttpResponse response = HttpResponse.Bytes(200, file.Bytes, file.ContentType);
        response.Headers["etag"] = $"\"{file.Bytes.Length:x}\"";
        return response;
    }

    /// <summary>An error as S3 words it.</summary>
    public static HttpResponse Error(int status, string code, string message) => HttpResponse.Text(
        status,
        $"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>",
        "application/xml");

    private string? Refusal(HttpRequest request, DateTime now)
    {
        Dictionary<string, string> query = request.Parameters();
        if (!query.TryGetValue("X-Amz-Date", out string? date) || !query.TryGetValue("X-Amz-Signature", out string? signature)) return "Access Denied";
        if (signature != keys.Sign(request.Path + date)) return "The request signature we calculated does not match the signature you provided.";
        DateTime signed = DateTime.ParseExact(date, DateFormat, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal | DateTimeStyles.AssumeUniversal);
        return now > signed.AddSeconds(LinkSeconds) ? "Request has expired" : null;
    }
}
