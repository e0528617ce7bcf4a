using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>A route: a method, a path and its handler.</summary>
internal sealed record Route(string Method, string[] Segments, bool NeedsKey, Func<Call, HttpResponse> Handle);

/// <summary>The table of routes. A segment in braces matches any text.</summary>
internal sealed class Router
{
    private readonly List<Route> _routes = [];

    public void Add(string method, string path, Func<Call, HttpResponse> handle, bool needsKey = true) =>
        _routes.Add(new Route(method, path.Split('/'), needsKey, handle));

    /// <summary>All routes that match a path, of any method, in the table's order.</summary>
    public IReadOnlyList<Route> Find(string path)
    {
        string[] segments = path.Split('/');
        return _routes.FindAll(route => Matches(route.Segments, segments));
    }

    public static Dictionary<string, string> PathValues(Route route, string path)
    {
        Dictionary<string, string> values = [];
        string[] segments = path.Split('/');
        for (int i = 0; i < segments.Length; i++)
        {
            string name = route.Segments[i];
            if (IsVariable(name)) values[name.Trim('{', '}')] = Uri.UnescapeDataString(segments[i]);
        }

        return values;
    }

    private static bool Matches(string[] pattern, string[] segments)
    {
        if (pattern.Length != segments.Length) return false;
        for (int i = 0; i < pattern.Length; i++)
        {
            if (IsVariable(pattern[i]) ? segments[i].Length == 0 : pattern[i] != segments[i]) return false;
        }

        return true;
    }

    private static bool IsVariable(string segment) => segment.StartsWith("{", StringComparison.Ordinal);
}
