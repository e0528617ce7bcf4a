using System.Net;
using System.Text;
using ComfyDeploy.Emulator;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Carries the client's requests to the emulators without sockets, at once, and lets the planned faults happen on the way.</summary>
/// <param name="emulators">The services, by their host names.</param>
/// <param name="scenario">Its faults.</param>
/// <param name="clock">Time, where requests take some; over sockets nothing comes here.</param>
internal sealed class EmulatorHandler(IReadOnlyList<ComfyEmulator> emulators, Scenario scenario, VirtualClock? clock = null) : HttpMessageHandler
{
    // A pipeline that an error has ended tells none of its cmdlets of Ctrl+C.
    private static readonly TimeSpan StopArrives = TimeSpan.FromSeconds(2);

    /// <summary>The time of a create and of an upload.</summary>
    internal static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(80);

    private readonly object _gate = new();
    private readonly object _life = new();
    private readonly Dictionary<ServiceRoute, int> _counts = [];
    private readonly Dictionary<PlannedFault, DateTime> _firstMet = [];
    private readonly HashSet<PlannedFault> _met = [];
    private readonly List<SentRequest> _sent = [];
    private readonly Dictionary<PlannedFault, int> _asked = [];
    private int _requests;
    private bool _isDead;
    private int _creating;

    /// <summary>How many creates were under way at the same time, at most.</summary>
    internal int MostCreates { get; private set; }

    /// <summary>How many runs of one service were unfinished at the same time, at most.</summary>
    internal int MostUnfinished { get; private set; }

    /// <summary>How many creates were told that their deployment has vanished.</summary>
    internal int Vanished { get; private set; }

    /// <summary>Whether a key was sent to a host that is not its own.</summary>
    internal bool SentKeyElsewhere { get; private set; }

    /// <summary>Presses Ctrl+C.</summary>
    internal Action? PressStop { get; set; }

    /// <summary>Called at that moment instead, when the process is killed: from then on nothing reaches the service.</summary>
    internal Action? Kill { get; set; }

    /// <summary>Whether faults and Ctrl+C happen; off after the pipeline.</summary>
    internal bool IsTroubled { get; set; } = true;

    /// <summary>The faults that have happened.</summary>
    internal IReadOnlyCollection<PlannedFault> Met => _met;

    /// <summary>What the client sent during the pipeline, also what did not arrive.</summary>
    internal IReadOnlyList<SentRequest> Sent => _sent;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        ComfyEmulator emulator = emulators.First(e => request.RequestUri!.Host.EndsWith(e.BaseUri.Host, StringComparison.Ordinal));
        HttpRequest wire = await ToWireAsync(request, cancellationToken).ConfigureAwait(false);
        bool isStorage = request.RequestUri!.Host == emulator.StorageUri.Host;
        ServiceRoute route = isStorage ? ServiceRoute.Storage : RouteOf(wire);
        SentKeyElsewhere |= request.Headers.Authorization is { } key && !IsOf(emulator, request.RequestUri, key.Parameter!);
        if (route == ServiceRoute.Create) Begin();
        try
        {
            if (scenario.HasLatency && clock is not null && route is ServiceRoute.Create or ServiceRoute.Upload)
                await clock.DelayAsync(Latency, PlaceOf(wire), cancellationToken).ConfigureAwait(false);
            return await AnswerAsync(request, wire, emulator, route, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (route == ServiceRoute.Create) End(emulator);
        }
    }

    private async Task<HttpResponseMessage> AnswerAsync(
        HttpRequestMessage request, HttpRequest wire, ComfyEmulator emulator, ServiceRoute route, CancellationToken cancellationToken)
    {
        bool isStorage = route == ServiceRoute.Storage;
        if (IsTroubled) Remember(wire, emulator.Now);
        if (IsTroubled && Interlocked.Increment(ref _requests) == scenario.StopAtRequest && PressStop is { } press)
        {
            lock (_life)
            {
                if (scenario.StoppedRequestArrives) emulator.Handle(wire, isStorage);
                _isDead = Kill is not null;
                Kill?.Invoke();
            }
            press();
            cancellationToken.WaitHandle.WaitOne(StopArrives);
            cancellationToken.ThrowIfCancellationRequested();
        }
        PlannedFault? fault = IsTroubled ? Next(route, wire, emulator.Now) : null;
        switch (fault?.Kind)
        {
            case FaultKind.ResetBefore:
                throw FaultyAnswer.Reset();
            case FaultKind.ResetAfter:
                Handle(emulator, wire, isStorage);
                throw FaultyAnswer.Reset();
            case FaultKind.Hang:
                return await Never(cancellationToken).ConfigureAwait(false);
        }
        HttpResponseMessage answer = fault is not null && FaultyAnswer.Instead(fault, emulator.Now) is { } instead
            ? instead
            : route == ServiceRoute.Doorbell ? await DoorbellAsync(emulator, wire, cancellationToken).ConfigureAwait(false)
            : Answer(Handle(emulator, wire, isStorage), fault?.Kind);
        answer.Headers.Date = emulator.Now;
        answer.RequestMessage = request;
        return answer;
    }

    private async Task<HttpResponseMessage> DoorbellAsync(ComfyEmulator emulator, HttpRequest wire, CancellationToken cancellationToken)
    {
        if (scenario.Doorbell == DoorbellKind.Hangs) return await Never(cancellationToken).ConfigureAwait(false);
        HttpResponse response = Handle(emulator, wire, isStorage: false);
        if (scenario.Doorbell == DoorbellKind.None || response.Events is not { } events) return new(HttpStatusCode.NotImplemented);
        StreamContent content = new(new EventBody(events, scenario.Doorbell, clock!));
        content.Headers.ContentType = new("text/event-stream");
        return new(HttpStatusCode.OK) { Content = content };
    }

    /// <summary>A process that is killed sends nothing more.</summary>
    private HttpResponse Handle(ComfyEmulator emulator, HttpRequest wire, bool isStorage)
    {
        lock (_life) return _isDead ? throw new OperationCanceledException() : emulator.Handle(wire, isStorage);
    }

    internal static ServiceRoute RouteOf(HttpRequest request) => request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
    {
        [_, "run", "deployment", "queue"] => ServiceRoute.Create,
        [_, "run", _, "cancel"] => ServiceRoute.Cancel,
        [_, "run", _] => ServiceRoute.ReadRun,
        [_, "v2", "workflow", ..] => ServiceRoute.ListRuns,
        [_, "v2", "clickhouse-run-logs", ..] => ServiceRoute.Log,
        [_, "v2", "stream-progress"] => ServiceRoute.Doorbell,
        [_, "deployment", _, "runs"] => ServiceRoute.OwnRuns,
        [_, "workflow", _, "runs"] => ServiceRoute.RawRuns,
        [_, "deployment" or "deployments", ..] => ServiceRoute.Deployments,
        [_, "platform", ..] => ServiceRoute.Prices,
        [_, "file", "upload"] => ServiceRoute.Upload,
        _ => ServiceRoute.Any,
    };

    private static bool IsOf(ComfyEmulator emulator, Uri address, string key) =>
        address.Authority == emulator.BaseUri.Authority && key == emulator.ApiKey.Reveal();

    /// <summary>What the request is, without what differs each time: the boundary of a form.</summary>
    private static string PlaceOf(HttpRequest wire) =>
        RouteOf(wire) == ServiceRoute.Upload ? Encoding.UTF8.GetString(MultipartForm.Read(wire)[0].Content) : wire.BodyText;

    private void Begin()
    {
        lock (_gate) MostCreates = Math.Max(MostCreates, ++_creating);
    }

    private void End(ComfyEmulator emulator)
    {
        int unfinished = emulator.Runs.Count(run => !Books.IsOver(run));
        lock (_gate)
        {
            _creating--;
            MostUnfinished = Math.Max(MostUnfinished, unfinished);
        }
    }

    private void Remember(HttpRequest wire, DateTime now)
    {
        lock (_gate) _sent.Add(new(RouteOf(wire), wire.Path, now));
    }

    private PlannedFault? Next(ServiceRoute route, HttpRequest wire, DateTime now)
    {
        lock (_gate)
        {
            foreach (PlannedFault vanishing in scenario.Faults.Where(fault => IsAbout(fault, route, wire)))
                _asked[vanishing] = _asked.GetValueOrDefault(vanishing) + 1;
            int place = _counts[route] = _counts.GetValueOrDefault(route) + 1;
            PlannedFault? fault = scenario.Faults.FirstOrDefault(fault =>
            {
                if (fault.Deployment is not null) return IsAbout(fault, route, wire) && fault.Meets(_asked[fault], TimeSpan.Zero);
                int at = fault.Route == ServiceRoute.Any ? _requests : place;
                return (fault.Route == ServiceRoute.Any || fault.Route == route) && fault.Meets(at, now - _firstMet.GetValueOrDefault(fault, now));
            });
            if (fault is null) return null;
            _firstMet.TryAdd(fault, now);
            _met.Add(fault);
            if (fault.Kind == FaultKind.Vanished) Vanished++;
            return fault;
        }
    }

    private static bool IsAbout(PlannedFault fault, ServiceRoute route, HttpRequest wire) => fault.Deployment is { } name
        && route == ServiceRoute.Create && wire.BodyText.Contains(ScenarioDeployments.IdOf(name)!, StringComparison.Ordinal);

    private static async Task<HttpResponseMessage> Never(CancellationToken cancellationToken)
    {
        TaskCompletionSource<HttpResponseMessage> never = new();
        using (cancellationToken.Register(() => never.TrySetCanceled(cancellationToken))) return await never.Task.ConfigureAwait(false);
    }

    private static async Task<HttpRequest> ToWireAsync(HttpRequestMessage request, CancellationToken cancellationToken) => new()
    {
        Method = request.Method.Method,
        Path = request.RequestUri!.AbsolutePath,
        Query = request.RequestUri.Query.TrimStart('?'),
        Headers = request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? [])
            .ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase),
        Body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false),
    };

    private static HttpResponseMessage Answer(HttpResponse response, FaultKind? kind)
    {
        HttpContent content = kind is { } spoilt && response.Status == 200 && response.Headers.GetValueOrDefault("content-type") == "application/json"
            ? FaultyAnswer.Spoil(spoilt, response.Body)
            : new ByteArrayContent(response.Body);
        HttpResponseMessage answer = new((HttpStatusCode)response.Status) { Content = content };
        foreach ((string name, string value) in response.Headers)
        {
            if (!answer.Headers.TryAddWithoutValidation(name, value)) content.Headers.Remove(name);
            content.Headers.TryAddWithoutValidation(name, value);
        }
        return answer;
    }
}

/// <summary>A request of the client.</summary>
/// <param name="Route">Its kind.</param>
/// <param name="Path">Its path, which names the run that it is about.</param>
/// <param name="At">When, UTC.</param>
internal sealed record SentRequest(ServiceRoute Route, string Path, DateTime At);
