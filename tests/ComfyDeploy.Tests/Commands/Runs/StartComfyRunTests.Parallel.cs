using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun queues several rows at a time.</summary>
public sealed class StartComfyRunParallelTests : EngineTest
{
    [Fact]
    public void Rows_are_queued_eight_at_a_time_after_the_first_and_come_out_in_order()
    {
        Creates creates = Attach(expected: 8);
        EngineRun run = Engine.Run("1..25 | Start-ComfyRun portrait -InputName seed -Connection $counted");
        Assert.Equal(Enumerable.Range(1, 25), run.Runs.Select(r => (int)(long)r.Inputs!.Properties["seed"].Value));
        Assert.All(run.Runs, r => Assert.Equal("not-started", r.Status));
        Assert.Equal(25, run.Runs.Select(r => r.RunId).Distinct().Count());
        Assert.Equal(1, creates.BesideFirst);
        Assert.Equal(8, creates.Most);
    }

    [Fact]
    public void Repeats_are_queued_eight_at_a_time_too()
    {
        Creates creates = Attach(expected: 8);
        EngineRun run = Engine.Run("Start-ComfyRun portrait -Repeat 9 -Connection $counted");
        Assert.Equal(9, run.Runs.Count);
        Assert.Equal(8, creates.Most);
    }

    [Fact]
    public void A_row_that_comes_late_is_written_before_the_next_one_is_asked_for()
    {
        ComfyConnection slow = ConnectionTo(Emulator, "slow");
        ApiSession.Attach(new(slow, new HttpClientHandler(), new JumpingClock()));
        EngineRun run = Engine.Run("""
            $written = 0
            1..4 | ForEach-Object { "row $_ after $written"; } | ForEach-Object { @{ prompt = $_ } } |
                Start-ComfyRun -Deployment portrait -Connection $slow | ForEach-Object { $written++; $_ }
            """, ("slow", slow));
        Assert.Equal(["row 1 after 0", "row 2 after 1", "row 3 after 2", "row 4 after 3"], run.Runs.Select(r => (string)r.Inputs!.Properties["prompt"].Value));
    }

    [Fact]
    public void Creates_under_way_when_the_pipeline_is_cut_are_finished_and_named()
    {
        Attach(expected: 8);
        EngineRun run = Engine.RunWithErrors("""
            1..30 | Start-ComfyRun portrait -InputName seed -Connection $counted | ForEach-Object { $_; if ($_.Inputs.seed -eq 2) { throw 'boom' } }
            """);
        Assert.Equal(2, run.Runs.Count);
        Assert.InRange(Emulator.Runs.Count, 9, 18);
        string named = string.Join(' ', run.Runs.Select(r => r.RunId).Concat(run.Warnings).Append(run.Shown));
        Assert.All(Emulator.Runs, r => Assert.Contains(r.RunId, named, StringComparison.Ordinal));
    }

    [Fact]
    public void A_lost_create_among_eight_is_found_and_nothing_is_queued_twice()
    {
        Emulator.AddFault("POST /run/deployment/queue = lost body=\"seed\":12,");
        EngineRun run = Engine.Run("1..20 | ForEach-Object { @{ seed = $_; prompt = 'x' } } | ForEach-Object { [pscustomobject]$_ } | Start-ComfyRun -Deployment portrait -Connection $hasty", ("hasty", WithoutPauses()));
        Assert.Equal(20, Emulator.Runs.Count);
        Assert.Equal(Emulator.Runs.Select(r => r.RunId).Order(), run.Runs.Select(r => r.RunId).Order());
        Assert.Equal(Enumerable.Range(1, 20), run.Runs.Select(r => (int)(long)r.Inputs!.Properties["seed"].Value));
    }

    [Fact]
    public void A_message_that_ends_the_pipeline_loses_no_run()
    {
        Emulator.AddFault("POST /run/deployment/queue = latency 200ms always");
        EngineRun run = Engine.RunWithErrors("""
            $seen = 0
            1..12 | Start-ComfyRun portrait @{ prompt = 'v' } -InputName seed -Verbose 4>&1 | ForEach-Object { $_; if ($_ -is [System.Management.Automation.VerboseRecord] -and "$_" -like 'Queued*' -and ++$seen -eq 2) { throw 'enough' } }
            """);
        string named = string.Join(' ', run.Objects.Select(o => (o.BaseObject as ComfyRun)?.RunId ?? "").Concat(run.Warnings).Append(run.Shown));
        Assert.All(Emulator.Runs, r => Assert.Contains(r.RunId, named, StringComparison.Ordinal));
    }

    private Creates Attach(int expected)
    {
        ComfyConnection connection = ConnectionTo(Emulator, "counted");
        Creates creates = new(expected);
        ApiSession.Attach(new(connection, creates));
        Engine.Set("counted", connection);
        return creates;
    }

    /// <summary>Lets the first create pass alone, and holds the others until as many as expected are under way.</summary>
    private sealed class Creates(int expected) : DelegatingHandler(new HttpClientHandler())
    {
        private readonly TaskCompletionSource _full = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _sent;
        private int _underWay;
        private int _most;

        internal int BesideFirst { get; private set; }

        internal int Most => _most;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Method != HttpMethod.Post) return await base.SendAsync(request, cancellationToken);
            bool isFirst = Interlocked.Increment(ref _sent) == 1;
            lock (_full) _most = Math.Max(_most, ++_underWay);
            if (_underWay == expected) _full.TrySetResult();
            if (!isFirst) await _full.Task.WaitAsync(EngineFixture.Limit, cancellationToken);
            HttpResponseMessage response = await base.SendAsync(request, cancellationToken);
            if (isFirst) BesideFirst = _underWay;
            lock (_full) _underWay--;
            return response;
        }
    }

    /// <summary>A clock that moves two seconds whenever it is read, so that every row comes late.</summary>
    private sealed class JumpingClock : IClock
    {
        private long _ticks = DateTime.UtcNow.Ticks;

        public DateTime Now => new(Interlocked.Add(ref _ticks, TimeSpan.TicksPerSecond * 2), DateTimeKind.Utc);

        public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken) => Task.CompletedTask;

        public void CancelAfter(CancellationTokenSource source, TimeSpan time) => source.CancelAfter(time);

        public double Jitter() => 0;

        public void Wait(WaitHandle[] handles, TimeSpan time) => WaitHandle.WaitAny(handles, time);
    }
}
