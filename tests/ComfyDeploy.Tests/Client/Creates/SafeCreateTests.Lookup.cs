using System.Diagnostics;
using System.Net.Sockets;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>The look-up: it ends in time, gives no run to the wrong create, and finds later what nobody waited for.</summary>
public sealed partial class SafeCreateTests
{
    [Fact]
    public async Task A_look_without_answer_is_not_repeated_but_the_next_one_comes()
    {
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.HangRead = _ => true;
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
        Assert.Equal(5, _test.Handler.Count("GET", "/deployment/"));
        Assert.Equal([0, 1, 2, 4, 5], _test.Clock.Pauses.Select(pause => pause.TotalSeconds));
        Assert.Single(_test.Log.Warnings);
    }

    [Fact]
    public async Task The_whole_look_up_ends_within_15_seconds_although_no_look_is_answered()
    {
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        DateTime? first = null;
        _service.HangRead = _ =>
        {
            first ??= _test.Clock.Now;
            // As long as one look may take.
            return _test.Clock.DelayAsync(TimeSpan.FromSeconds(3), default).IsCompleted;
        };
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
        Assert.Equal(5, _test.Handler.Count("GET", "/deployment/"));
        Assert.Equal(TimeSpan.FromSeconds(15), _test.Clock.Now - first);
    }

    [Fact]
    public async Task The_look_ends_with_the_deadline_although_nothing_is_answered()
    {
        ScriptedHandler handler = new(async (request, stop) =>
        {
            if (request.Method == "POST") throw new HttpRequestException("send", new IOException("read", new SocketException((int)SocketError.ConnectionReset)));
            await Task.Delay(Timeout.Infinite, stop);
            return Reply.Status(500);
        });
        ComfyDeployClient client = new(new(ClientUnderTest.Connect(), handler), _test.Log) { Deadline = DateTime.UtcNow + TimeSpan.FromMilliseconds(300) };
        Stopwatch watch = Stopwatch.StartNew();
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => client.CreateRunAsync(Request(Inputs), default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(ErrorIds.AmbiguousCreate, error.ErrorId);
        // One look alone may take 3 s.
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2.5));
    }

    [Fact]
    public async Task All_lost_creates_of_a_deployment_are_looked_for_together()
    {
        const int Creates = 6;
        _service.HoldUntil(Creates);
        for (int i = 0; i < Creates; i++) _service.Faults.Enqueue(i == 3 ? CreateFault.ResetTaken : CreateFault.ResetNotTaken);
        Task<string>[] creates = [.. Enumerable.Range(0, Creates).Select(i => CreateAsync($$"""{"prompt":"row {{i}}"}"""))];
        await Task.WhenAll(creates).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(_service.OwnRuns.Single().Id, await creates.Single(create => create.IsCompletedSuccessfully));
        Assert.Equal([0, 1, 2, 4, 5], _test.Clock.Pauses.Select(pause => pause.TotalSeconds));
    }

    [Fact]
    public async Task Who_has_more_time_goes_on_looking()
    {
        ComfyDeployClient hurried = new(_test.Session, _test.Log) { Deadline = _test.Clock.Now + TimeSpan.FromSeconds(5) };
        _service.ListedAfter = TimeSpan.FromSeconds(6);
        _service.HoldUntil(2);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Task<string> patient = CreateAsync("""{"prompt":"patient"}""");
        Task<string> other = hurried.CreateRunAsync(Request("""{"prompt":"hurried"}"""), default).WaitAsync(ClientUnderTest.Limit);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await Assert.ThrowsAsync<ComfyDeployException>(() => other)).ErrorId);
        Assert.Equal(_service.OwnRuns.Single().Id, await patient);
    }

    [Fact]
    public async Task A_single_lost_create_with_an_image_is_found()
    {
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        Assert.Equal(await CreateAsync(Image("AAAA")), _service.OwnRuns.Single().Id);
    }

    [Theory]
    [InlineData("AAAA", "BBBB")]
    [InlineData("AAAA", "AAAA")]
    public async Task Of_two_lost_creates_with_images_none_gets_a_run(string first, string second)
    {
        _service.HoldUntil(2);
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Task<string>[] creates = [CreateAsync(Image(first)), CreateAsync(Image(second))];
        foreach (Task<string> create in creates) Assert.Equal(ErrorIds.AmbiguousCreate, (await Assert.ThrowsAsync<ComfyDeployException>(() => create)).ErrorId);
        Assert.Single(_service.OwnRuns);
    }

    [Fact]
    public async Task The_late_run_of_a_lost_create_with_an_image_does_not_go_to_the_next_one()
    {
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        await Assert.ThrowsAsync<ComfyDeployException>(() => CreateAsync(Image("AAAA")));
        _service.BeforeAnswer = () => _service.OtherRun(Image("AAAA"), TimeSpan.Zero);
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await Assert.ThrowsAsync<ComfyDeployException>(() => CreateAsync(Image("BBBB")))).ErrorId);
    }

    [Fact]
    public async Task A_run_whose_create_was_stopped_is_found_later_and_keeps_its_label()
    {
        await StopDuringPostAsync(CreateFault.TimeoutTaken);
        await FindAsync();
        string id = _service.OwnRuns.Single().Id;
        Assert.Equal([id], _test.Session.KnownRuns.Started);
        Assert.Equal("row 1", _test.Session.KnownRuns.OriginOf(id)!.Label);
        int reads = _test.Handler.Requests.Count;
        await FindAsync();
        Assert.Equal(reads, _test.Handler.Requests.Count);
    }

    [Fact]
    public async Task A_run_that_is_listed_late_is_found_the_next_time()
    {
        await StopDuringPostAsync(CreateFault.TimeoutTaken);
        _service.ListedAfter = TimeSpan.FromMinutes(1);
        await FindAsync();
        Assert.Empty(_test.Session.KnownRuns.Started);
        _service.ListedAfter = TimeSpan.Zero;
        await FindAsync();
        Assert.Single(_test.Session.KnownRuns.Started);
    }

    [Fact]
    public async Task What_a_look_up_did_not_find_is_looked_for_later_too()
    {
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        _service.ListedAfter = TimeSpan.FromMinutes(1);
        await FailAsync();
        _service.ListedAfter = TimeSpan.Zero;
        await FindAsync();
        Assert.Equal(_service.OwnRuns.Single().Id, Assert.Single(_test.Session.KnownRuns.Started));
    }

    [Fact]
    public async Task Runs_that_may_be_another_s_are_named_and_not_adopted()
    {
        await StopDuringPostAsync(CreateFault.TimeoutTaken);
        string other = _service.OtherRun(Inputs, TimeSpan.Zero).Id;
        await FindAsync();
        Assert.Empty(_test.Session.KnownRuns.Started);
        string warning = Assert.Single(_test.Log.Warnings);
        Assert.Contains(other, warning, StringComparison.Ordinal);
        Assert.Contains(_service.OwnRuns.Single().Id, warning, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_fails_leaves_the_stopped_create_for_later()
    {
        await StopDuringPostAsync(CreateFault.TimeoutTaken);
        _service.HangRead = _ => true;
        await FindAsync();
        _service.HangRead = null;
        await FindAsync();
        Assert.Single(_test.Session.KnownRuns.Started);
    }

    [Fact]
    public async Task On_a_closed_connection_nothing_is_sent_and_nothing_is_looked_for()
    {
        _test.Session.Connection.Close();
        Assert.Equal(ErrorIds.NotConnected, (await FailAsync()).ErrorId);
        Assert.Empty(_test.Handler.Requests);
        Assert.Empty(_test.Clock.Pauses);
        Assert.Empty(_test.Log.Warnings);
    }

    [Fact]
    public async Task A_create_whose_connection_is_closed_on_its_way_is_ambiguous_at_once()
    {
        _service.BeforeAnswer = _test.Session.Connection.Close;
        _service.Faults.Enqueue(CreateFault.ResetTaken);
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
        Assert.Single(_test.Handler.Requests);
        Assert.Empty(_test.Clock.Pauses);
    }

    [Fact]
    public async Task A_connection_closed_during_the_look_ends_it()
    {
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        _service.FailRead = _ =>
        {
            _test.Session.Connection.Close();
            return false;
        };
        Assert.Equal(ErrorIds.AmbiguousCreate, (await FailAsync()).ErrorId);
        Assert.Equal([TimeSpan.Zero], _test.Clock.Pauses);
    }

    [Fact]
    public async Task A_look_up_does_not_let_another_create_past_its_deadline()
    {
        _service.Faults.Enqueue(CreateFault.ResetNotTaken);
        TaskCompletionSource looking = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ScriptedHandler handler = new(async (request, stop) =>
        {
            if (request.Method == "GET")
            {
                looking.TrySetResult();
                await released.Task;
            }
            return await _service.AnswerAsync(request, stop);
        });
        ApiSession session = new(ClientUnderTest.Connect(), handler, _test.Clock);
        Task<string> lost = new ComfyDeployClient(session, _test.Log).CreateRunAsync(Request(Inputs), default);
        await looking.Task.WaitAsync(ClientUnderTest.Limit);
        ComfyDeployClient hurried = new(session, _test.Log) { Deadline = _test.Clock.Now + TimeSpan.FromMilliseconds(100) };
        ComfyDeployException error = await Assert.ThrowsAsync<ComfyDeployException>(() => hurried.CreateRunAsync(Request(Inputs), default).WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(ErrorIds.WaitTimeout, error.ErrorId);
        released.SetResult();
        await Assert.ThrowsAsync<ComfyDeployException>(() => lost.WaitAsync(ClientUnderTest.Limit));
        Assert.Equal(1, handler.Count("POST", "/run/deployment/queue"));
    }

    [Theory]
    [InlineData(-3, 5)]
    [InlineData(0, 5)]
    [InlineData(20, 25)]
    [InlineData(600, 60)]
    public async Task A_create_is_given_up_shortly_after_the_deadline(int left, int allowed)
    {
        ClientUnderTest test = new(new ScriptedHandler(_service.AnswerAsync), _test.Clock, TimeSpan.FromSeconds(60));
        test.Client.Deadline = _test.Clock.Now + TimeSpan.FromSeconds(left);
        _service.Faults.Enqueue(CreateFault.HangNotTaken);
        await Assert.ThrowsAsync<ComfyDeployException>(() => test.Client.CreateRunAsync(Request(Inputs), default).WaitAsync(ClientUnderTest.Limit));
        Assert.Contains($"within {allowed} s", test.Log.Warnings[0], StringComparison.Ordinal);
    }

    private static string Image(string content) => $$"""{"image":"data:image/png;base64,{{content}}"}""";

    private Task FindAsync() => _test.Client.FindUnansweredCreatesAsync(default).WaitAsync(ClientUnderTest.Limit);

    /// <summary>Ctrl+C while the answer to a create is on its way.</summary>
    private async Task StopDuringPostAsync(CreateFault fault)
    {
        using CancellationTokenSource stop = new();
        _service.BeforeAnswer = stop.Cancel;
        _service.Faults.Enqueue(fault);
        CreateRequest request = Request(Inputs) with { Origin = new("d1", "portrait/production", "portrait", "row 1", null, Inputs) };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _test.Client.CreateRunAsync(request, stop.Token).WaitAsync(ClientUnderTest.Limit));
        _service.BeforeAnswer = null;
    }
}
