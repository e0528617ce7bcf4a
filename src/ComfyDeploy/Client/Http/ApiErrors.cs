using System.Net;
using System.Text;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>Turns an answer without success into one error with a stable ID and the service's own message.</summary>
internal static class ApiErrors
{
    // How the service passes on what the machine of a run answered, with the machine's status.
    private const string MachineError = "Error creating run: ";
    private const string PlanRefusal = "Access denied for requested operation";
    private static readonly string[] CreditTexts = ["Insufficient", "credits"];

    /// <param name="response">The answer.</param>
    /// <param name="body">Its body, up to the limit that is read.</param>
    /// <param name="notFoundId">The error ID for what was not found.</param>
    /// <param name="key">The key that was sent, which the service may repeat and a message must not.</param>
    internal static ComfyDeployException From(HttpResponseMessage response, MemoryStream body, string notFoundId, string? key)
    {
        int status = (int)response.StatusCode;
        (string text, bool isOwn) = Sentence(body);
        string sentence = SafeText.Clean(SafeText.Mask(text, key));
        string id = IdOf(response.StatusCode, sentence, notFoundId);
        string message = sentence.Length == 0 ? $"HTTP {status}" : $"{sentence} (HTTP {status})";
        return new(id, SafeText.Sentence(Explain(id, message, response)))
        {
            StatusCode = status,
            IsForeign = !isOwn,
            RequestId = response.Headers.TryGetValues("X-Request-Id", out IEnumerable<string>? values)
                ? SafeText.Clean(SafeText.Mask(values.FirstOrDefault(), key))
                : null,
        };
    }

    private static string IdOf(HttpStatusCode status, string sentence, string notFoundId) => (int)status switch
    {
        // A machine that refuses says nothing of the key, the account or the deployment.
        not (400 or 409 or 422) when sentence.StartsWith(MachineError, StringComparison.Ordinal) => ErrorIds.ServiceError,
        401 => ErrorIds.ApiKeyRejected,
        402 when sentence.StartsWith("You still have these workflows", StringComparison.Ordinal) => ErrorIds.InvalidInput,
        402 or 429 => ErrorIds.LimitReached,
        403 when sentence == PlanRefusal || CreditTexts.Any(text => sentence.Contains(text)) => ErrorIds.LimitReached,
        // The service answers 403 for what belongs to another account; for this key it does not exist.
        403 when sentence.IndexOf("not authorized", StringComparison.OrdinalIgnoreCase) >= 0
            || sentence.StartsWith("Access denied.", StringComparison.Ordinal) => notFoundId,
        403 => ErrorIds.ApiKeyRejected,
        404 when sentence == "Not Found" => ErrorIds.NotSupportedByServer,
        405 => ErrorIds.NotSupportedByServer,
        404 => notFoundId,
        // The first version of the service answers 400 "Workflow not found" for a run that does not exist.
        400 when sentence is "Workflow not found" => notFoundId,
        400 when sentence == "Unsupported file type" => ErrorIds.FileTypeNotSupported,
        400 when sentence.StartsWith("File size exceeds", StringComparison.Ordinal) => ErrorIds.FileTooLarge,
        400 or 409 or 422 => ErrorIds.InvalidInput,
        // A not-found that the service wraps: "… 404: …".
        500 when sentence.Contains("404: ") => notFoundId,
        _ => ErrorIds.ServiceError,
    };

    private static string Explain(string id, string message, HttpResponseMessage response) => id switch
    {
        ErrorIds.ApiKeyRejected => $"The service does not accept the API key: {message}",
        ErrorIds.LimitReached when message.StartsWith(PlanRefusal, StringComparison.Ordinal) =>
            $"The plan of the account does not include this: {message}",
        ErrorIds.LimitReached => $"The account has reached its limit: {message}",
        ErrorIds.NotSupportedByServer =>
            $"The service at {response.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Authority)} does not support this request: " +
            $"{message}. Check the base URL (it ends in /api).",
        ErrorIds.InvalidInput => $"The service rejected the request: {message}",
        ErrorIds.ServiceError when (int)response.StatusCode is >= 300 and < 400 =>
            $"The service answered with a redirect, which would pass on the API key and is not followed: {message}. Check the base URL.",
        _ => $"The service answered: {message}",
    };

    /// <summary>
    /// The message, from all formats of the service, and whether it is in the one that today's service has for every refusal. A rejected
    /// value is not repeated: it may contain a secret.
    /// </summary>
    private static (string Text, bool IsOwn) Sentence(MemoryStream body)
    {
        string text = Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length);
        try
        {
            using JsonDocument document = JsonDocument.Parse(ValidJson.Of(text));
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return (string.Empty, false);
            foreach (string key in (string[])["detail", "error", "message"])
            {
                if (!root.TryGetProperty(key, out JsonElement value)) continue;
                if (value.ValueKind == JsonValueKind.String) return (value.GetString()!, key == "detail");
                if (value.ValueKind == JsonValueKind.Array) return (Rejections(value), key == "detail");
            }
            return (string.Empty, false);
        }
        catch (JsonException)
        {
            // The error page of a proxy is not worth a message, and truncated JSON may end in the middle of a rejected value.
            return (text.TrimStart() is ['<' or '{' or '[', ..] ? string.Empty : text, false);
        }
    }

    private static string Rejections(JsonElement items)
    {
        IEnumerable<string> fields = items.EnumerateArray()
            .Where(item => item.ValueKind == JsonValueKind.Object && item.TryGetProperty("msg", out _))
            .Select(item =>
            {
                string field = item.TryGetProperty("loc", out JsonElement loc) && loc.ValueKind == JsonValueKind.Array
                    ? string.Join(".", loc.EnumerateArray().Skip(1).Select(part => part.ToString()))
                    : string.Empty;
                return field.Length == 0 ? item.GetProperty("msg").ToString() : $"{field}: {item.GetProperty("msg")}";
            });
        return string.Join("; ", fields);
    }
}
