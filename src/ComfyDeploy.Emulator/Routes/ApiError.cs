using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>An error response. A route throws it anywhere; the API turns it into the response.</summary>
internal sealed class ApiError(HttpResponse response) : Exception
{
    public HttpResponse Response { get; } = response;

    /// <summary>The usual form: <c>{"detail": "…"}</c>.</summary>
    public static ApiError Detail(int status, string detail) => new(HttpResponse.Json(status, new JsonObject { ["detail"] = detail }));

    /// <summary>The form of a few routes: <c>{"error": "…"}</c>.</summary>
    public static ApiError Error(int status, string error) => new(HttpResponse.Json(status, new JsonObject { ["error"] = error }));

    /// <summary>The service's response to anything it does not handle.</summary>
    public static ApiError Unhandled() => new(HttpResponse.Text(500, "Internal Server Error", "text/plain; charset=utf-8"));

    /// <summary>A rejected request: one or more validation items.</summary>
    public static ApiError Invalid(IEnumerable<JsonObject> items)
    {
        JsonArray details = [];
        foreach (JsonObject item in items) details.Add((JsonNode)item);
        return new(HttpResponse.Json(422, new JsonObject { ["detail"] = details }));
    }

    public static ApiError Invalid(JsonObject item) => Invalid([item]);
}
