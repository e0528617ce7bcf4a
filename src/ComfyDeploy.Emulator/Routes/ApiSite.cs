using System.Text.Json;
using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Service;
using ComfyDeploy.Emulator.Shapes;
using ComfyDeploy.Emulator.Storage;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>The API: authentication, routing, and the form of errors.</summary>
internal sealed class ApiSite
{
    private const string Prefix = "/api";
    private const string Bearer = "Bearer ";
    private readonly Router _router = new();
    private readonly Account _account;
    private readonly KeyRing _keys;

    public ApiSite(Account account, KeyRing keys, Func<OutputFile, string> link)
    {
        _account = account;
        _keys = keys;
        OutputShapes outputs = new(link);
        RunShapes runs = new(outputs);
        Uploads uploads = new(link);
        new CreateRoutes(uploads).AddTo(_router);
        new FileRoutes(uploads).AddTo(_router);
        new RunRoutes(runs).AddTo(_router);
        new RunListRoutes(runs, outputs).AddTo(_router);
        StreamRoutes.AddTo(_router);
        DeploymentRoutes.AddTo(_router);
        WorkflowRoutes.AddTo(_router);
        MachineRoutes.AddTo(_router);
        PlatformRoutes.AddTo(_router);
        UnsupportedRoutes.AddTo(_router);
    }

    /// <summary>Whether a request has a valid key.</summary>
    public bool IsAuthorized(HttpRequest request) =>
        Token(request) is string token && _keys.TryFind(token, out _, out string state) && state == "active";

    public HttpResponse Handle(HttpRequest request)
    {
        try
        {
            lock (_account.Gate) return Answer(request);
        }
        catch (ApiError e)
        {
            return e.Response;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or OverflowException or ArgumentException)
        {
            return ApiError.Unhandled().Response;
        }
    }

    private HttpResponse Answer(HttpRequest request)
    {
        if (!request.Path.StartsWith(Prefix + "/", StringComparison.Ordinal)) throw ApiError.Detail(404, "Not Found");
        string path = request.Path.Substring(Prefix.Length);
        IReadOnlyList<Route> routes = _router.Find(path);
        Caller? caller = routes.Count > 0 && routes.All(route => !route.NeedsKey) ? null : Admit(request);
        if (routes.Count == 0) return WithoutRoute(request, path);
        Route? route = routes.FirstOrDefault(r => r.Method == request.Method);
        if (route is not null) return route.Handle(new Call(request, _account, caller, Router.PathValues(route, path)));
        HttpResponse refusal = ApiError.Detail(405, "Method Not Allowed").Response;
        refusal.Headers["allow"] = routes[0].Method;
        return refusal;
    }

    private HttpResponse WithoutRoute(HttpRequest request, string path)
    {
        string shorter = path.TrimEnd('/');
        if (path.Length - shorter.Length != 1 || _router.Find(shorter).Count == 0) throw ApiError.Detail(404, "Not Found");
        HttpResponse redirect = new() { Status = 307 };
        string query = request.Query.Length == 0 ? "" : "?" + request.Query;
        redirect.Headers["location"] = $"http://{request.Header("host")}{Prefix}{shorter}{query}";
        return redirect;
    }

    private Caller Admit(HttpRequest request)
    {
        string token = Token(request) ?? throw ApiError.Detail(401, "Invalid or missing token");
        if (!_keys.TryFind(token, out Caller? caller, out string state)) throw ApiError.Detail(401, "Invalid or expired token");
        return state switch
        {
            "active" => caller!,
            "revoked" => throw ApiError.Detail(401, "Revoked token"),
            "machine" => throw ApiError.Detail(403, "Token does not have permission to access this endpoint"),
            _ => throw ApiError.Detail(401, "Invalid or expired token"),
        };
    }

    // The scheme is case-sensitive.
    private static string? Token(HttpRequest request)
    {
        if (request.Parameters().TryGetValue("cd_token", out string? inQuery)) return inQuery;
        string? header = request.Header("authorization");
        if (header is null) return request.Header("x-api-key");
        if (header == Bearer.TrimEnd()) return "";
        return header.StartsWith(Bearer, StringComparison.Ordinal) ? header.Substring(Bearer.Length) : request.Header("x-api-key");
    }

    /// <summary>The body of an error that comes from the edge in front of the service.</summary>
    public static HttpResponse EdgeError(int status)
    {
        if (status is >= 502 and <= 504) return HttpResponse.Text(status, $"<html><body><h1>{status}</h1></body></html>\n", "text/html");
        if (status == 500) return ApiError.Unhandled().Response;
        string text = status == 429 ? "Too Many Requests" : "Planned fault " + status.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return HttpResponse.Json(status, new JsonObject { ["detail"] = text });
    }
}
