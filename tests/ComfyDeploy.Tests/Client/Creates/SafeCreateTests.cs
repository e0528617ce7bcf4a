using System.Net.Sockets;
using ComfyDeploy.Client;
using ComfyDeploy.Commands;

namespace ComfyDeploy.Tests.Client;

/// <summary>A create is sent again only when it certainly made no run; otherwise the client searches for the run and sends nothing.</summary>
public sealed partial class SafeCreateTests
{
    private const string Inputs = """{"prompt":"a lighthouse","seed":7}""";

    private readonly ModelService _service;
    private readonly ClientUnderTest _test;

    public SafeCreateTests()
    {
        ManualClock clock = new();
        _service = new(clock);
        _test = new(new ScriptedHandler(_service.AnswerAsync), clock);
    }

    public static TheoryData<CreateFault> FaultsOfUnknownFate => [.. Enum.GetValues<CreateFault>().Where(fault => fault.IsUnknown())];

    public static TheoryData<CreateFault> FaultsThatTook => [.. Enum.GetValues<CreateFault>().Where(fault => fault.IsUnknown() && fault.IsTaken())];

    public static TheoryData<CreateFault> FaultsThatDidNotTake => [.. Enum.GetValues<CreateFault>().Where(fault => fault.IsUnknown() && !fault.IsTaken())];

    [Theory]
    [MemberData(nameof(FaultsThatTook))]
    public async Task A_lost_create_that_was_executed_is_found_and_sent_once(CreateFault fault)
    {
        _service.OtherRun(Inputs, TimeSpan.FromMinutes(-1));
        _service.OtherRun("""{"prompt":"another"}""", TimeSpan.Zero);
        _service.Faults.Enqueue(fault);
        string id = await CreateAsync();
        Assert.Equal(Assert.Single(_service.OwnRuns).Id, id);
        Assert.Equal(1, Posts);
        Assert.Equal(1, _test.Handler.Count("GET", "/deployment/"));
        Assert.Contains("looking for it", Assert.Single(_test.Log.Warnings), StringComparison.Ordinal);
        Assert.Contains(_test.Session.KnownRuns.Started, started => started == id);
    }

    [Theory]
    [MemberData(nameof(FaultsThatDidNotTake))]
    public async Task A_lost_create_that_was_not_executed_is_ambiguous_and_sent_once(CreateFault fault)
    {
        _service.Faults.Enqueue(fault);
        ComfyDeployException error = await FailAsync();
        Assert.Equal(ErrorIds.AmbiguousCreate, error.ErrorId);
        Assert.Empty(_service.OwnRuns);
        Assert.Equal(1, Posts);
        Assert.Equal(5, _test.Handler.Count("GET", "/deployment/"));
        Assert.Equal([0, 1, 2, 4, 5], _test.Clock.Pauses.Select(pause => pause.TotalSeconds));
        Assert.Contains("Get-ComfyRun -Deployment d1 -After '", ErrorRecords.TextOf(error), StringComparison.Ordinal);
        Assert.Contains("a lighthouse", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CreateFault.Throttled)]
    [InlineData(CreateFault.Refused)]
    public async Task A_create_that_certainly_made_no_run_is_sent_again(CreateFault fault)
    {
        _service.Faults.Enqueue(fault);
        _service.Faults.Enqueue(fault);
        string id = await CreateAsync();
        Assert.Equal(Assert.Single(_service.OwnRuns).Id, id);
        Assert.Equal(3, Posts);
        Assert.Equal(0, _test.Handler.Count("GET", "/deployment/"));
        Assert.All(_test.Log.Warnings, warning => Assert.Contains("No run was made", warning, StringComparison.Ordinal));
        if (fault == CreateFault.Throttled) Assert.Equal([TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(3)], _test.Clock.Pauses);
    }

    [Theory]
    [InlineData(CreateFault.Throttled, ErrorIds.LimitReached)]
    [InlineData(CreateFault.Refused, ErrorIds.ConnectionFailed)]
    public async Task A_create_that_never_gets_through_is_reported_after_four_retries(CreateFault fault, string id)
    {
        for (int i = 0; i < 9; i++) _service.Faults.Enqueue(fault);
        Assert.Equal(id, (await FailAsync()).ErrorId);
        Assert.Equal(5, Posts);
    }

    [Theory]
    [InlineData(CreateFault.Error500, ErrorIds.ServiceError)]
    [InlineData(CreateFault.Invalid, ErrorIds.InvalidInput)]
    public async Task An_error_described_in_text_is_final(CreateFault fault, string id)
    {
        _service.Faults.Enqueue(fault);
        Assert.Equal(id, (await FailAsync()).ErrorId);
        Assert.Equal(1, Posts);
        Assert.Equal(0, _test.Handler.Count("GET", "/deployment/"));
    }

    [Fact]
    public async Task After_a_lost_retry_nothing_is_sent_again()
    {
        _service.Faults.Enqueue(CreateFault.Throttled);
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
        Assert.Equal(2, Posts);
    }

    [Fact]
    public async Task A_run_listed_late_is_found_by_a_later_read()
    {
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.ListedAfter = TimeSpan.FromSeconds(2.5);
        string id = await CreateAsync();
        Assert.Equal(_service.OwnRuns.Single().Id, id);
        Assert.Equal(3, _test.Handler.Count("GET", "/deployment/"));
        Assert.Equal([0, 1, 2], _test.Clock.Pauses.Select(pause => pause.TotalSeconds));
    }

    [Fact]
    public async Task More_matches_than_lost_creates_are_ambiguous()
    {
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.OtherRun(Inputs, TimeSpan.FromSeconds(-1));
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
        Assert.Single(_service.OwnRuns);
        Assert.Equal(1, Posts);
    }

    [Fact]
    public async Task A_partial_read_decides_nothing()
    {
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.OtherRun(Inputs, TimeSpan.FromSeconds(-1));
        // The first of the two is read, the second cannot be: apparently one match.
        int reads = 0;
        _service.FailRead = request => request.PathAndQuery.Contains("/run/", StringComparison.Ordinal) && reads++ >= 1;
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
    }

    [Fact]
    public async Task A_run_this_process_knew_before_is_not_adopted()
    {
        ModelRun earlier = _service.OtherRun(Inputs, TimeSpan.Zero);
        _test.Session.KnownRuns.See([new() { RunId = earlier.Id }]);
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
    }

    [Fact]
    public async Task A_run_this_process_queued_is_not_adopted()
    {
        string first = await CreateAsync();
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        string second = await CreateAsync();
        Assert.NotEqual(first, second);
        Assert.Equal(2, _service.OwnRuns.Count);
    }

    [Fact]
    public async Task Runs_from_before_the_create_are_not_adopted_regardless_of_the_local_clock()
    {
        // Our clock is ten minutes behind the service's; one response shows it.
        _service.ClockAhead = TimeSpan.FromMinutes(10);
        await CreateAsync("""{"prompt":"first"}""");
        _service.OtherRun(Inputs, TimeSpan.FromSeconds(-30));
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        string id = await CreateAsync();
        Assert.Equal(_service.OwnRuns[^1].Id, id);
    }

    [Fact]
    public async Task Without_any_date_a_single_match_is_adopted()
    {
        _service.SendsDate = false;
        _service.OtherRun(Inputs, TimeSpan.FromMinutes(-6));
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        string id = await CreateAsync();
        Assert.Equal(_service.OwnRuns.Single().Id, id);
    }

    [Fact]
    public async Task Without_any_date_two_matches_are_ambiguous()
    {
        _service.SendsDate = false;
        _service.OtherRun(Inputs, TimeSpan.FromMinutes(-4));
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
    }

    [Fact]
    public async Task The_deadline_cancels_the_poll()
    {
        _test.Client.Deadline = _test.Clock.Now + TimeSpan.FromSeconds(5);
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
        Assert.Equal([0, 1, 2], _test.Clock.Pauses.Select(pause => pause.TotalSeconds));
    }

    [Fact]
    public async Task Two_identical_lost_creates_get_one_run_each()
    {
        _service.HoldUntil(2);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        string[] ids = await Task.WhenAll(CreateAsync(), CreateAsync()).WaitAsync(ClientUnderTest.Limit);
        Assert.Equal(_service.OwnRuns.Select(run => run.Id).Order(), ids.Order());
        Assert.Equal(2, Posts);
    }

    [Fact]
    public async Task Of_two_identical_lost_creates_with_one_run_one_is_ambiguous()
    {
        _service.HoldUntil(2);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Task<string>[] creates = [CreateAsync(), CreateAsync()];
        await Task.WhenAll(creates).WaitAsync(ClientUnderTest.Limit).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(_service.OwnRuns.Single().Id, await creates.Single(create => create.IsCompletedSuccessfully));
        Assert.Equal(ErrorIds.AmbiguousCreate, Assert.IsType<ComfyDeployException>(creates.Single(create => create.IsFaulted).Exception!.InnerException).ErrorId);
    }

    [Fact]
    public async Task A_canceled_create_does_not_affect_a_later_one()
    {
        using CancellationTokenSource stop = new();
        _service.BeforeAnswer = stop.Cancel;
        _service.Faults.Enqueue(CreateFault.TimeoutNotTaken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _test.Client.CreateRunAsync(Request(Inputs), stop.Token).WaitAsync(ClientUnderTest.Limit));
        _service.BeforeAnswer = null;

        // Hours later, another user's equal run must not be mistaken for the canceled one, and a lost create must still find its own.
        await _test.Clock.DelayAsync(TimeSpan.FromHours(3), default);
        _service.OtherRun(Inputs, TimeSpan.FromHours(-1));
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        string id = await CreateAsync();
        Assert.Equal(_service.OwnRuns.Single().Id, id);
        Assert.Equal(1, _test.Handler.Count("GET", "/deployment/"));
    }

    [Fact]
    public async Task Cancellation_ends_the_search_and_lets_others_continue()
    {
        using CancellationTokenSource stop = new();
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        _service.FailRead = _ =>
        {
            stop.Cancel();
            return false;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _test.Client.CreateRunAsync(Request(Inputs), stop.Token).WaitAsync(ClientUnderTest.Limit));
        _service.FailRead = null;
        await CreateAsync();
        Assert.Single(_service.OwnRuns);
    }

    [Fact]
    public async Task A_long_input_is_not_repeated_in_full()
    {
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        string inputs = $$"""{"image":"data:image/png;base64,{{new string('A', 100_000)}}"}""";
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => CreateAsync(inputs));
        Assert.Equal(ErrorIds.AmbiguousCreate, error.ErrorId);
        Assert.InRange(error.Message.Length, 100, 2000);
    }

    public static TheoryData<string, bool> Failures => new()
    {
        { nameof(SocketError.ConnectionRefused), true },
        { nameof(SocketError.HostNotFound), true },
        { nameof(SocketError.HostUnreachable), true },
        { nameof(SocketError.NetworkUnreachable), true },
        { nameof(SocketError.ConnectionReset), false },
        { nameof(SocketError.ConnectionAborted), false },
        { nameof(SocketError.TimedOut), false },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Only_a_connection_that_was_never_established_certainly_sent_nothing(string error, bool notSent)
    {
        SocketException socket = new((int)Enum.Parse<SocketError>(error));
        Assert.Equal(notSent, ConnectionFailures.NotSent(new HttpRequestException("connect", socket)));
        // The same while reading from, or writing to, a connection that was there.
        Assert.False(ConnectionFailures.NotSent(new HttpRequestException("An error occurred while sending the request.", new IOException("read", socket))));
    }

    [Fact]
    public void A_failed_handshake_sent_nothing_and_a_broken_connection_may_have()
    {
        Assert.True(ConnectionFailures.NotSent(new HttpRequestException("TLS", new System.Security.Authentication.AuthenticationException("certificate"))));
        Assert.False(ConnectionFailures.NotSent(new HttpRequestException("TLS", new IOException("eof"))));
        Assert.False(ConnectionFailures.NotSent(new HttpRequestException("what?")));
    }

    private int Posts => _test.Handler.Count("POST", "/run/deployment/queue");

    private Task<string> CreateAsync(string inputs = Inputs) => _test.Client.CreateRunAsync(Request(inputs), default).WaitAsync(ClientUnderTest.Limit);

    private async Task<ComfyDeployException> FailAsync() => await Assert.ThrowsAsync<ComfyDeployException>(() => CreateAsync());

    private static CreateRequest Request(string inputs) => new(new DeploymentTarget("d1", "portrait/production"), inputs, null, null, false);
}
