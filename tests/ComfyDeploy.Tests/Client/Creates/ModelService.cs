using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ComfyDeploy.Tests.Client;

/// <summary>An in-memory service of creates and lists; each create has its own outcome. A webhook that ends in a number identifies the create.</summary>
internal sealed class ModelService(ManualClock clock)
{
    private readonly object _gate = new();
    private readonly List<ModelRun> _runs = [];
    private readonly List<(int Intent, CreateFault Fault)> _posts = [];
    private TaskCompletionSource? _hold;
    private int _held;

    /// <summary>The outcomes of the next creates; when none is left, creates succeed.</summary>
    internal Queue<CreateFault> Faults { get; } = [];

    /// <summary>The outcome of a create by its number and how often it was sent before, instead of the queue.</summary>
    internal Func<int, int, CreateFault>? FaultOf { get; init; }

    /// <summary>Called at some point between two requests.</summary>
    internal Func<Task>? Between { get; init; }

    internal TimeSpan ClockAhead { get; set; }

    internal TimeSpan ListedAfter { get; set; }

    internal bool SendsDate { get; set; } = true;

    internal bool ListsInputs { get; set; } = true;

    internal Func<SentRequest, bool>? FailRead { get; set; }

    /// <summary>What the service answers instead of a list.</summary>
    internal Func<string, string>? DistortList { get; set; }

    internal Func<SentRequest, bool>? HangRead { get; set; }

    internal Action? BeforeAnswer { get; set; }

    internal IReadOnlyList<ModelRun> Runs => Locked(() => _runs.ToArray());

    internal IReadOnlyList<ModelRun> OwnRuns => [.. Runs.Where(run => run.Intent is not null)];

    internal IReadOnlyList<(int Intent, CreateFault Fault)> Posts => Locked(() => _posts.ToArray());

    private DateTime Now => clock.Now + ClockAhead;

    /// <summary>Creates are answered together, once this many have arrived.</summary>
    internal void HoldUntil(int creates) => (_held, _hold) = (creates, new(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>A run of the same account that another process queued.</summary>
    internal ModelRun OtherRun(string inputs, TimeSpan when, string deployment = "d1") => Add(new(NewId(), null, deployment, inputs, Now + when));

    /// <summary>A run without a deployment that another process queued.</summary>
    internal ModelRun OtherRun(string inputs, string? version, string machine, string? user = null) =>
        Add(new(NewId(), null, null, inputs, Now) { Version = version, Machine = machine, User = user });

    internal async Task<HttpResponseMessage> AnswerAsync(SentRequest request, CancellationToken cancellationToken)
    {
        if (Between is not null) await Between().ConfigureAwait(false);
        HttpResponseMessage response = request.Method == "POST" ? await CreateAsync(request, cancellationToken).ConfigureAwait(false) : Read(request, cancellationToken);
        return SendsDate ? response.Dated(new DateTimeOffset(Now)) : response;
    }

    private async Task<HttpResponseMessage> CreateAsync(SentRequest request, CancellationToken cancellationToken)
    {
        JsonNode body = JsonNode.Parse(request.Body)!;
        int intent = body["webhook"]?.GetValue<string>() is { } hook ? int.Parse(hook.Split('/')[^1], CultureInfo.InvariantCulture) : 0;
        string? id = null;
        CreateFault fault;
        lock (_gate)
        {
            fault = FaultOf?.Invoke(intent, _posts.Count(post => post.Intent == intent)) ?? (Faults.TryDequeue(out CreateFault next) ? next : CreateFault.None);
            _posts.Add((intent, fault));
            if (fault.IsTaken()) id = Add(RunOf(intent, body)).Id;
            if (_hold is not null && --_held == 0) _hold.SetResult();
        }
        if (_hold is not null) await _hold.Task.ConfigureAwait(false);
        // Executed and not answered yet: here, others find the run in the list.
        if (Between is not null) await Between().ConfigureAwait(false);
        BeforeAnswer?.Invoke();
        cancellationToken.ThrowIfCancellationRequested();
        return fault is CreateFault.HangNotTaken or CreateFault.HangTaken ? Hang(cancellationToken) : Answer(fault, id);
    }

    /// <summary>No answer, until whoever asked has waited long enough.</summary>
    private HttpResponseMessage Hang(CancellationToken cancellationToken)
    {
        clock.EndLimit();
        throw new OperationCanceledException(cancellationToken);
    }

    private static HttpResponseMessage Answer(CreateFault fault, string? id) => fault switch
    {
        CreateFault.None => Reply.Json($$"""{"run_id":"{{id}}"}"""),
        CreateFault.Throttled => Reply.RetryAfter(429, new(TimeSpan.FromSeconds(3))),
        CreateFault.Refused => throw new HttpRequestException("connect", new SocketException((int)SocketError.ConnectionRefused)),
        CreateFault.Invalid => Reply.Json("""{"detail":[{"loc":["body","inputs"],"msg":"no"}]}""", 422),
        CreateFault.Error500 => Reply.With(500, "Internal Server Error"),
        CreateFault.ResetNotTaken or CreateFault.ResetTaken => throw new HttpRequestException("send", new IOException("read", new SocketException((int)SocketError.ConnectionReset))),
        // This is how the sender sees an expired request timeout.
        CreateFault.TimeoutNotTaken or CreateFault.TimeoutTaken => throw new TaskCanceledException(),
        CreateFault.Gateway502NotTaken or CreateFault.Gateway502Taken => Reply.With(502, "<html>Bad Gateway</html>", "text/html"),
        CreateFault.Gateway503NotTaken or CreateFault.Gateway503Taken => Reply.RetryAfter(503, new(TimeSpan.FromSeconds(1))),
        CreateFault.Gateway504NotTaken or CreateFault.Gateway504Taken => Reply.Status(504),
        CreateFault.Status408NotTaken or CreateFault.Status408Taken => Reply.Status(408),
        CreateFault.UnreadableTaken => Reply.Json($$"""{"run_id":"{{id![..10]}}"""),
        CreateFault.CorruptGzipTaken => new() { Content = new StreamContent(new BrokenStream(nameof(InvalidDataException))) },
        _ => Reply.Json("""{"run_id":null}"""),
    };

    private HttpResponseMessage Read(SentRequest request, CancellationToken stop)
    {
        if (HangRead?.Invoke(request) == true) return Hang(stop);
        if (FailRead?.Invoke(request) == true) return Reply.Status(500);
        string[] parts = request.Address.AbsolutePath.Split('/');
        lock (_gate)
        {
            if (parts[^2] == "run") return Reply.Json(_runs.Single(run => run.Id == parts[^1]).ToJson(withInputs: true));
            // Like the service: newest first, at most sixty. A workflow lists the runs of all its deployments too, and their inputs.
            bool isOfWorkflow = parts[^3] == "workflow";
            Match offset = Regex.Match(request.Address.Query, "offset=([0-9]+)");
            IEnumerable<string> rows = _runs.Where(run => (isOfWorkflow || run.Deployment == parts[^2]) && run.CreatedAt + ListedAfter <= Now)
                .OrderByDescending(run => run.CreatedAt).Skip(offset.Success ? int.Parse(offset.Groups[1].Value, CultureInfo.InvariantCulture) : 0).Take(60).Select(run => run.ToJson(withInputs: isOfWorkflow && ListsInputs));
            string list = $"[{string.Join(',', rows)}]";
            string answer = isOfWorkflow ? list : $$"""{"data":{{list}},"meta":null}""";
            return Reply.Json(DistortList?.Invoke(answer) ?? answer);
        }
    }

    private ModelRun RunOf(int intent, JsonNode body) => new(NewId(), intent, body["deployment_id"]?.GetValue<string>(), body["inputs"]!.ToJsonString(), Now)
    {
        Version = body["workflow_version_id"]?.GetValue<string>(),
        Machine = body["machine_id"]?.GetValue<string>(),
        Graph = body["workflow_api_json"]?.ToJsonString(),
    };

    private ModelRun Add(ModelRun run) => Locked(() =>
    {
        _runs.Add(run);
        return run;
    });

    private static string NewId() => Guid.NewGuid().ToString();

    private T Locked<T>(Func<T> read)
    {
        lock (_gate) return read();
    }
}

/// <summary>A run of the model; without an intent, another process queued it.</summary>
internal sealed record ModelRun(string Id, int? Intent, string? Deployment, string Inputs, DateTime CreatedAt)
{
    internal string? Version { get; init; }

    internal string? Machine { get; init; }

    /// <summary>What no list tells.</summary>
    internal string? Graph { get; init; }

    internal string? User { get; init; }

    internal string ToJson(bool withInputs) => new JsonObject
    {
        ["id"] = Id,
        ["status"] = "not-started",
        ["created_at"] = CreatedAt.ToString("yyyy-MM-ddTHH:mm:ss.ffffff", CultureInfo.InvariantCulture),
        ["workflow_inputs"] = withInputs ? JsonNode.Parse(Inputs) : null,
        ["deployment_id"] = Deployment,
        ["workflow_version_id"] = Version,
        ["machine_id"] = Machine,
        ["user_id"] = User,
    }.ToJsonString();
}
