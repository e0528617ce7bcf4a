using System.Text.Json.Nodes;
using ComfyDeploy.Client;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Campaign;

namespace ComfyDeploy.Tests.Client;

/// <summary>Waits for runs of an emulated service on a virtual clock, so that hours take seconds.</summary>
internal sealed class WaitSimulation : IDisposable
{
    private const string WorkflowId = "00000020-0000-4000-8000-000000000020";
    private static readonly DateTime Start = new(2026, 11, 23, 22, 0, 0, DateTimeKind.Utc);

    private readonly ComfyEmulator _emulator;
    private readonly EmulatorHandler _service;
    private readonly List<(string Path, DateTime At)> _requests = [];

    internal WaitSimulation(DoorbellKind doorbell, int slots, double seconds, double jitter = 0.1)
    {
        _emulator = ComfyEmulator.WithoutSockets(new() { Speed = 0, StartTime = Start, SeedJson = Seed(slots, seconds, jitter) }, "one");
        Clock = new(Start, _emulator.Advance);
        _service = new([_emulator], new() { Flow = Flow.Start, Rows = [], Doorbell = doorbell }, Clock);
        ComfyConnection connection = new("c", _emulator.BaseUri, _emulator.ApiKey.Copy(), ApiKeyOwner.Read(_emulator.ApiKey), TimeSpan.FromSeconds(30));
        Session = new(connection, new Relay(this), Clock);
        Client = new(Session, Log) { MaxRetries = 0 };
    }

    internal VirtualClock Clock { get; }

    internal RecordingLog Log { get; } = new();

    internal ApiSession Session { get; }

    internal ComfyDeployClient Client { get; }

    /// <summary>Called before each request; what it returns is the answer.</summary>
    internal Func<string, HttpResponseMessage?> Fault { get; set; } = _ => null;

    /// <summary>The Date header of every answer; null for the service's own.</summary>
    internal string? Date { get; set; }

    /// <summary>The time of the service.</summary>
    internal DateTime Now => _emulator.Now;

    /// <summary>Which requests are never answered.</summary>
    internal Func<string, bool> Hangs { get; set; } = _ => false;

    /// <summary>What becomes of the text of an answer on its way.</summary>
    internal Func<string, string, string> Spoil { get; set; } = (_, body) => body;

    /// <summary>The time since the beginning.</summary>
    internal TimeSpan Elapsed => Clock.Now - Start;

    /// <summary>Every request after the creates.</summary>
    internal IReadOnlyList<(string Path, DateTime At)> Requests => _requests;

    /// <summary>How long after its end each run came out, in seconds.</summary>
    internal List<double> Lags { get; } = [];

    /// <summary>The runs that came out, in this order.</summary>
    internal List<WaitOutcome> Outcomes { get; } = [];

    internal int Count(string pathPart) => _requests.Count(request => request.Path.Contains(pathPart, StringComparison.Ordinal));

    internal double Percentile(double share) => Lags.Order().ElementAt((int)((Lags.Count - 1) * share));

    public void Dispose()
    {
        _service.Dispose();
        _emulator.Dispose();
    }

    /// <summary>Queues a run, as Start-ComfyRun returns it.</summary>
    internal ComfyRun Queue(string prompt = "fox")
    {
        string id = ScenarioRunner.Queue(_emulator, prompt);
        return new()
        {
            RunId = id,
            Status = "not-started",
            CreatedAt = Clock.Now.ToLocalTime(),
            WorkflowId = WorkflowId,
            Connection = Session.Connection,
            DeploymentId = ScenarioDeployments.IdOf(ScenarioDeployments.Usual),
        };
    }

    /// <summary>Runs that have ended before: the history of the account.</summary>
    internal void MakeHistory(int count)
    {
        for (int i = 0; i < count; i++) Queue();
        Pass(TimeSpan.FromHours(2));
    }

    internal void Cancel(string runId) => Client.CancelRunAsync(runId, null, CancellationToken.None).GetAwaiter().GetResult();

    internal RunWaiter Waiter(TimeSpan timeout) => new(timeout, Clock, Log, CancellationToken.None);

    internal WaitTarget Target(ComfyRun run) => new(run.RunId!, Client, run, RunOrigin.Of(run));

    internal void Pass(TimeSpan time)
    {
        using ManualResetEventSlim never = new();
        Clock.Wait([never.WaitHandle], time);
    }

    /// <summary>Takes every run out of the wait.</summary>
    /// <param name="waiter">The wait.</param>
    /// <param name="each">Called after each step of at most a minute.</param>
    internal void Drain(RunWaiter waiter, Action? each = null)
    {
        while (true)
        {
            Task<WaitOutcome?> next = waiter.NextAsync(CancellationToken.None);
            while (!next.IsCompleted)
            {
                Clock.Wait([((IAsyncResult)next).AsyncWaitHandle], TimeSpan.FromMinutes(1));
                each?.Invoke();
            }
            if (next.GetAwaiter().GetResult() is not { } outcome) return;
            Outcomes.Add(outcome);
            if (outcome.Run?.EndedAt is { } ended) Lags.Add((Clock.Now - ended.ToUniversalTime()).TotalSeconds);
        }
    }

    private HttpResponseMessage? Send(HttpRequestMessage request)
    {
        if (request.Method == HttpMethod.Post) return null;
        lock (_requests) _requests.Add((request.RequestUri!.PathAndQuery, Clock.Now));
        return Fault(request.RequestUri!.PathAndQuery);
    }

    private static string Seed(int slots, double seconds, double jitter) => new JsonObject
    {
        ["users"] = new JsonArray(new JsonObject { ["id"] = "user_a", ["name"] = "A" }),
        ["machines"] = new JsonArray(new JsonObject { ["id"] = "00000010-0000-4000-8000-000000000010", ["name"] = "gpu", ["gpu"] = "A10G", ["concurrency"] = slots }),
        ["workflows"] = new JsonArray(new JsonObject
        {
            ["id"] = WorkflowId,
            ["name"] = "portrait",
            ["machineId"] = "00000010-0000-4000-8000-000000000010",
            ["versions"] = new JsonArray(new JsonObject { ["id"] = "00000201-0000-4000-8000-000000000201", ["version"] = 1 }),
        }),
        ["deployments"] = new JsonArray(new JsonObject
        {
            ["id"] = ScenarioDeployments.IdOf(ScenarioDeployments.Usual),
            ["workflowId"] = WorkflowId,
            ["machineId"] = "00000010-0000-4000-8000-000000000010",
            ["environment"] = "production",
            ["gpu"] = "A10G",
            ["runTimeout"] = 7200,
            ["timing"] = new JsonObject { ["queue"] = 1, ["coldStart"] = 5, ["run"] = seconds, ["jitter"] = jitter },
        }),
    }.ToJsonString();

    private sealed class Relay(WaitSimulation simulation) : DelegatingHandler(simulation._service)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            string path = request.RequestUri!.PathAndQuery;
            if (simulation.Send(request) is { } answer) return answer;
            if (simulation.Hangs(path)) await simulation.Clock.DelayAsync(TimeSpan.FromDays(1), cancellationToken).ConfigureAwait(false);
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (simulation.Date is { } date)
            {
                response.Headers.Remove("Date");
                response.Headers.TryAddWithoutValidation("Date", date);
            }
            if (response.Content.Headers.ContentType?.MediaType != "application/json") return response;
            string body = await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            response.Content = new StringContent(simulation.Spoil(path, body), null, "application/json");
            return response;
        }
    }
}
