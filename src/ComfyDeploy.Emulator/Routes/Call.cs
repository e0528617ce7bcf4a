using ComfyDeploy.Emulator.Http;
using ComfyDeploy.Emulator.Service;

namespace ComfyDeploy.Emulator.Routes;

/// <summary>One call of the API: who calls, with what, on which account.</summary>
internal sealed class Call(HttpRequest request, Account account, Caller? caller, IReadOnlyDictionary<string, string> pathValues)
{
    private readonly Dictionary<string, string> _query = request.Parameters();

    public HttpRequest Request => request;

    public Account Account => account;

    /// <summary>Whose key it carries. Only routes that need none are called without.</summary>
    public Caller Caller => caller ?? throw new InvalidOperationException("This route is open to everybody; nobody is calling.");

    public string PathValue(string name) => pathValues[name];

    public string? Query(string name) => _query.TryGetValue(name, out string? value) ? value : null;

    /// <summary>A path value that the service types as a UUID: malformed is 422.</summary>
    public Guid TypedId(string name) =>
        Validation.ReadGuid(PathValue(name)) ?? throw ApiError.Invalid(Validation.BadGuid(["path", name], PathValue(name)));

    /// <summary>A path value that the service takes as text and gives to the database: malformed is 500.</summary>
    public Guid TextId(string name) => Validation.ReadGuid(PathValue(name)) ?? throw ApiError.Unforeseen();

    public Guid? QueryId(string name) => Query(name) is not string text ? null
        : Validation.ReadGuid(text) ?? throw ApiError.Invalid(Validation.BadGuid(["query", name], text));

    public bool Flag(string name, bool otherwise = false) => Query(name) is not string text ? otherwise
        : Validation.ReadBoolean(text) ?? throw ApiError.Invalid(Validation.BadBoolean(["query", name], text));

    public bool? OptionalFlag(string name) => Query(name) is null ? null : Flag(name);

    public int? Integer(string name) => Query(name) is not string text ? null
        : Validation.ReadInteger(text) ?? throw ApiError.Invalid(Validation.BadInteger(["query", name], text));

    /// <summary>One page of a list. The database refuses negative numbers, which the service did not foresee.</summary>
    public List<T> Page<T>(IEnumerable<T> rows, int? limitOtherwise, string limitName = "limit", ApiError? refusal = null)
    {
        int? limit = Integer(limitName) ?? limitOtherwise;
        int offset = Integer("offset") ?? 0;
        if (limit < 0 || offset < 0) throw refusal ?? ApiError.Unforeseen();
        IEnumerable<T> rest = rows.Skip(offset);
        return (limit is int take ? rest.Take(take) : rest).ToList();
    }
}
