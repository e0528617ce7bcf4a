using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>One API call: the caller, the request and the account.</summary>
internal sealed class Call(HttpRequest request, Account account, Caller? caller, IReadOnlyDictionary<string, string> pathValues)
{
    private readonly Dictionary<string, string> _query = request.Parameters();

    public HttpRequest Request => request;

    public Account Account => account;

    /// <summary>The owner of the key. Only routes that need no key are called without one.</summary>
    public Caller Caller => caller ?? throw new InvalidOperationException("This route needs no key, so there is no caller.");

    public string PathValue(string name) => pathValues[name];

    public string? Query(string name) => _query.TryGetValue(name, out string? value) ? value : null;

    /// <summary>A path value that the service types as a UUID: malformed is 422.</summary>
    public Guid TypedId(string name) =>
        Validation.ReadGuid(PathValue(name)) ?? throw ApiError.Invalid(Validation.BadGuid(["path", name], PathValue(name)));

    /// <summary>A path value that the service passes to the database as text: malformed is 500.</summary>
    public Guid TextId(string name) => Validation.ReadGuid(PathValue(name)) ?? throw ApiError.Unhandled();

    public Guid? QueryId(string name) => Query(name) is not string text ? null
        : Validation.ReadGuid(text) ?? throw ApiError.Invalid(Validation.BadGuid(["query", name], text));

    public bool Flag(string name, bool defaultValue = false) => Query(name) is not string text ? defaultValue
        : Validation.ReadBoolean(text) ?? throw ApiError.Invalid(Validation.BadBoolean(["query", name], text));

    public bool? OptionalFlag(string name) => Query(name) is null ? null : Flag(name);

    public int? Integer(string name) => Query(name) is not string text ? null
        : Validation.ReadInteger(text) ?? throw ApiError.Invalid(Validation.BadInteger(["query", name], text));

    /// <summary>One page of a list. The database rejects negative numbers, which the service does not handle.</summary>
    public List<T> Page<T>(IEnumerable<T> rows, int? defaultLimit, string limitName = "limit", ApiError? error = null)
    {
        int? limit = Integer(limitName) ?? defaultLimit;
        int offset = Integer("offset") ?? 0;
        if (limit < 0 || offset < 0) throw error ?? ApiError.Unhandled();
        IEnumerable<T> rest = rows.Skip(offset);
        return (limit is int take ? rest.Take(take) : rest).ToList();
    }
}
