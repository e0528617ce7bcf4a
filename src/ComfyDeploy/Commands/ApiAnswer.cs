using System.Text;
using System.Text.Json;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>The answer to a call of any kind: JSON as objects, text as text, anything else, such as an image, as its bytes.</summary>
internal static class ApiAnswer
{
    private const char ByteOrderMark = '\uFEFF';

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    internal static object? Read(byte[] answer)
    {
        if (Text(answer) is not { } text) return answer;
        try
        {
            return FreeJson.Read(ValidJson.Of(text));
        }
        catch (JsonException)
        {
            // A few calls answer in plain text.
            return text;
        }
    }

    /// <exception cref="ComfyDeployException">DownloadFailed.</exception>
    internal static void Save(byte[] answer, string path)
    {
        string part = path + Downloader.PartSuffix;
        try
        {
            File.WriteAllBytes(part, answer);
            if (File.Exists(path)) File.Replace(part, path, null);
            else File.Move(part, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ComfyDeployException(ErrorIds.DownloadFailed, $"{SafeText.Clean(path)} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>The answer as text; null when it is none. The bytes tell: content types are often wrong or missing.</summary>
    private static string? Text(byte[] answer)
    {
        try
        {
            string text = Strict.GetString(answer).TrimStart(ByteOrderMark);
            return text.Contains('\0') ? null : text;
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
