using System.Net.Http.Headers;
using System.Net.Sockets;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Reads are retried after transient failures, and only after those.</summary>
public sealed class RetryTests
{
    private static readonly Func<HttpResponseMessage> Success = () => Reply.Json(ClientUnderTest.RunJson(ClientUnderTest.RunId));

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_transient_failure_is_retried_with_growing_pauses_and_a_warning_each(int status)
    {
        ClientUnderTest test = new(() => Reply.Status(status), () => Reply.Status(status), () => Reply.Status(status), () => Reply.Status(status), Success);
        Assert.Equal("running", (await test.GetRunAsync()).Status);
        Assert.Equal(5, test.Handler.Requests.Count);
        AssertGrowing(test.Clock.Pauses, 4);
        Assert.Equal(4, test.Log.Warnings.Count);
        for (int i = 0; i < 4; i++) Assert.Contains(i == 3 ? "(1 retry left)" : $"({4 - i} retries left)", test.Log.Warnings[i], StringComparison.Ordinal);
        Assert.All(test.Log.Warnings, warning => Assert.Contains($"HTTP {status}", warning, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(429, ErrorIds.LimitReached)]
    [InlineData(503, ErrorIds.ServiceError)]
    public async Task A_permanent_failure_is_reported_after_four_retries(int status, string id)
    {
        ClientUnderTest test = new(() => Reply.Status(status));
        Assert.Equal(id, (await FailAsync(test)).ErrorId);
        Assert.Equal(5, test.Handler.Requests.Count);
    }

    [Fact]
    public async Task A_lost_connection_is_retried()
    {
        ClientUnderTest test = new(() => throw new HttpRequestException("refused", new SocketException((int)SocketError.ConnectionRefused)), () => throw new HttpRequestException("reset", new IOException("reset")), Success);
        await test.GetRunAsync();
        Assert.Equal(3, test.Handler.Requests.Count);
        AssertGrowing(test.Clock.Pauses, 2);
    }

    [Fact]
    public async Task A_connection_that_stays_lost_is_a_connection_error()
    {
        ClientUnderTest test = new(() => throw new HttpRequestException("x", new SocketException((int)SocketError.ConnectionRefused)));
        ComfyDeployException error = await FailAsync(test);
        Assert.Equal((ErrorIds.ConnectionFailed, (int?)null), (error.ErrorId, error.StatusCode));
        Assert.Contains("service.test", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_read_without_a_response_is_retried()
    {
        ScriptedHandler silent = new(async (request, token) =>
        {
            if (request.Number > 1) return Success();
            await Task.Delay(Timeout.Infinite, token);
            return Success();
        });
        ClientUnderTest test = new(silent, requestTimeout: TimeSpan.FromMilliseconds(30));
        await test.GetRunAsync();
        Assert.Equal(3, silent.Requests.Count);
        Assert.All(test.Log.Warnings, warning => Assert.Contains("No answer", warning, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_service_that_never_responds_gives_a_timeout()
    {
        ScriptedHandler silent = new(async (_, token) =>
        {
            await Task.Delay(Timeout.Infinite, token);
            return Success();
        });
        Assert.Equal(ErrorIds.RequestTimeout, (await FailAsync(new(silent, requestTimeout: TimeSpan.FromMilliseconds(10)))).ErrorId);
        Assert.Equal(5, silent.Requests.Count);
    }

    [Fact]
    public async Task A_truncated_body_is_retried()
    {
        ClientUnderTest test = new(() => Reply.Json("""{"id":"46ca"""), () => new() { Content = new StreamContent(new BreakingStream()) }, Success);
        await test.GetRunAsync();
        Assert.Equal(3, test.Handler.Requests.Count);
    }

    [Fact]
    public async Task The_pause_requested_in_seconds_is_kept_exactly()
    {
        ClientUnderTest test = new(() => Reply.RetryAfter(429, new(TimeSpan.FromSeconds(17))), () => Reply.RetryAfter(503, new(TimeSpan.Zero)), Success);
        await test.GetRunAsync();
        Assert.Equal([TimeSpan.FromSeconds(17), TimeSpan.Zero], test.Clock.Pauses);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(600)]
    [InlineData(-600)]
    public async Task The_pause_requested_as_a_date_uses_the_services_clock(int serviceAhead)
    {
        ManualClock clock = new();
        DateTimeOffset service = new DateTimeOffset(clock.Now) + TimeSpan.FromSeconds(serviceAhead);
        ClientUnderTest test = new(new ScriptedHandler(
            () => Reply.RetryAfter(503, new RetryConditionHeaderValue(service + TimeSpan.FromSeconds(23))).Dated(service),
            () => Reply.RetryAfter(503, new RetryConditionHeaderValue(service)).Dated(service + TimeSpan.FromSeconds(23)),
            Success), clock);
        await test.GetRunAsync();
        Assert.Equal([TimeSpan.FromSeconds(23), TimeSpan.Zero], test.Clock.Pauses);
    }

    [Fact]
    public async Task No_retry_starts_that_would_end_after_the_deadline()
    {
        ClientUnderTest test = new(() => Reply.RetryAfter(503, new(TimeSpan.FromSeconds(10))));
        test.Client.Deadline = test.Clock.Now + TimeSpan.FromSeconds(25);
        Assert.Equal(503, (await FailAsync(test)).StatusCode);
        Assert.Equal([TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10)], test.Clock.Pauses);
        Assert.Equal(3, test.Handler.Requests.Count);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(402)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(405)]
    [InlineData(409)]
    [InlineData(422)]
    [InlineData(500)]
    [InlineData(501)]
    public async Task A_permanent_failure_is_not_retried(int status)
    {
        ClientUnderTest test = new(() => Reply.RetryAfter(status, new(TimeSpan.FromSeconds(1))));
        Assert.Equal(status, (await FailAsync(test)).StatusCode);
        Assert.Single(test.Handler.Requests);
        Assert.Empty(test.Clock.Pauses);
        Assert.Empty(test.Log.Warnings);
    }

    [Fact]
    public async Task A_client_without_retries_does_not_retry()
    {
        ClientUnderTest test = new(() => Reply.Status(503));
        ComfyDeployClient client = new(test.Session, test.Log) { MaxRetries = 0 };
        await Assert.ThrowsAsync<ComfyDeployException>(() => client.GetRunAsync(ClientUnderTest.RunId, default).WaitAsync(ClientUnderTest.Limit));
        Assert.Single(test.Handler.Requests);
    }

    [Fact]
    public async Task Cancellation_ends_an_active_request()
    {
        using CancellationTokenSource stop = new();
        ScriptedHandler silent = new(async (_, token) =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, token);
            return Success();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new ClientUnderTest(silent).GetRunAsync(stop.Token));
        Assert.Single(silent.Requests);
    }

    [Fact]
    public async Task Cancellation_ends_a_pause()
    {
        using CancellationTokenSource stop = new();
        ClientUnderTest test = new(new ScriptedHandler(() => Reply.Status(503)), new ManualClock { Runs = false });
        Task<ComfyRun> read = test.GetRunAsync(stop.Token);
        Assert.Equal(1, test.Clock.Waiting);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        Assert.Single(test.Handler.Requests);
        Assert.Equal(0, test.Clock.Waiting);
    }

    [Fact]
    public async Task Cancellation_ends_a_body_that_is_being_read()
    {
        using CancellationTokenSource stop = new();
        ClientUnderTest test = new(() => new() { Content = new StreamContent(new SilentStream(stop)) });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => test.GetRunAsync(stop.Token));
        Assert.Single(test.Handler.Requests);
    }

    private static async Task<ComfyDeployException> FailAsync(ClientUnderTest test) => await Assert.ThrowsAsync<ComfyDeployException>(() => test.GetRunAsync());

    private static void AssertGrowing(IReadOnlyList<TimeSpan> pauses, int count)
    {
        Assert.Equal(count, pauses.Count);
        for (int i = 0; i < count; i++) Assert.InRange(pauses[i].TotalMilliseconds, 250 * Math.Pow(2, i), 500 * Math.Pow(2, i));
    }

    private sealed class BreakingStream : MemoryStream
    {
        public override bool CanSeek => false;

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => throw new IOException("The response ended prematurely.");
    }

    private sealed class SilentStream(CancellationTokenSource stop) : MemoryStream
    {
        public override bool CanSeek => false;

        public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }
    }
}
