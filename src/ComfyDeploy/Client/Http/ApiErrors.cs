using System.Net;
using System.Text;
using System.Text.Json;
using ComfyDeploy.Text;

namespace ComfyDeploy.Client;

/// <summary>From an answer that is no success to one error with a stable id and the service's own sentence.</summary>
internal static class ApiErrors
{
    private static readonly string[] CreditTexts = ["Insufficient", "credits"];

    /// <param name="response">The answer.</param>
    /// <param name="body">Its body, as far as it was read.</param>
    /// <param name="notFoundId">The id that says what was not there.</param>
    /// <param name="key">The key sent, which a service may repeat and nobody else must.</param>
    internal static ComfyDeployException From(HttpResponseMessage response, MemoryStream body, string notFoundId, string? key)
    {
        int status = (int)response.StatusCode;
        string sentence = SafeText.Clean(SafeText.Mask(Sentence(body), key));
        string id = IdOf(response.StatusCode, sentence, notFoundId);
        string said = sentence.Length == 0 ? $"HTTP {status}" : $"{sentence} (HTTP {status})";
        return new(id, SafeText.Sentence(Explain(id, said, response)))
        {
            StatusCode = status,
            RequestId = response.Headers.TryGetValues("X-Request-Id", out IEnumerable<string>? values) ? SafeText.Clean(SafeText.Mask(values.FirstOrDefault(), key)) : null,
        };
    }

    private static string IdOf(HttpStatusCode status, string sentence, string notFoundId) => (int)status switch
    {
        401 => ErrorIds.ApiKeyRejected,
        402 or 429 => ErrorIds.LimitReached,
        403 when CreditTexts.Any(text => sentence.Contains(text)) => ErrorIds.LimitReached,
        // The service says 403 for what belongs to another account; for this key it is not there.
        403 when sentence.IndexOf("not authorized", StringComparison.OrdinalIgnoreCase) >= 0 || sentence.StartsWith("Access denied.", StringComparison.Ordinal) => notFoundId,
        403 => ErrorIds.ApiKeyRejected,
        404 when sentence == "Not Found" => ErrorIds.NotSupportedByServer,
        405 => ErrorIds.NotSupportedByServer,
        404 => notFoundId,
        // The first service answers 400 "Workflow not found" for a run that is not there.
        400 when sentence is "Workflow not found" => notFoundId,
        400 or 409 or 422 => ErrorIds.InvalidInput,
        // A not-found that the service wraps: "… 404: …".
        500 when sentence.Contains("404: ") => notFoundId,
        _ => ErrorIds.ServiceError,
    };

    private static string Explain(string id, string said, HttpResponseMessage response) => id switch
    {
        ErrorIds.ApiKeyRejected => $"The service does not accept the API key: {said}. Give a valid one with Connect-ComfyDeploy or COMFY_DEPLOY_API_KEY.",
        ErrorIds.LimitReached => $"The account's limit is reached: {said}",
        ErrorIds.NotSupportedByServer => $"The service at {response.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Authority)} does not know this call: {said}. Check the base address (it ends in /api).",
        ErrorIds.InvalidInput => $"The service refused the request: {said}",
        ErrorIds.ServiceError when (int)response.StatusCode is >= 300 and < 400 => $"The service wants to redirect the call, which is never followed with a key: {said}. Check the base address.",
        _ => $"The service says: {said}",
    };

    /// <summary>The service's own words, out of all the shapes it uses. A refused value is not repeated: it may hold a secret.</summary>
    private static string Sentence(MemoryStream body)
    {
        string text = Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length);
        try
        {
            using JsonDocument document = JsonDocument.Parse(LoneSurrogates.Replace(text));
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return string.Empty;
            foreach (string key in (string[])["detail", "error", "message"])
            {
                if (!root.TryGetProperty(key, out JsonElement value)) continue;
                if (value.ValueKind == JsonValueKind.String) return value.GetString()!;
                if (value.ValueKind == JsonValueKind.Array) return Refusals(value);
            }
            return string.Empty;
        }
        catch (JsonException)
        {
            // An error page of a proxy says nothing worth a line of a log, and JSON cut short may be in the middle of a refused value.
            return text.TrimStart() is ['<' or '{' or '[', ..] ? string.Empty : text;
        }
    }

    private static string Refusals(JsonElement items)
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
