using System.Management.Automation;
using System.Text.RegularExpressions;
using ComfyDeploy.Client;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>What a wait says about the runs that are left, and that its lines work when they are pasted.</summary>
public sealed partial class ResumeTests : EngineTest
{
    private const string Stuck = "1..7 | ForEach-Object { [pscustomobject]@{ shot = \"a$_\"; prompt = '#stuck=running' } } | Start-ComfyRun portrait -LabelColumn shot";

    private readonly CapturingHost _host;

    public ResumeTests() : this(new()) { }

    private ResumeTests(CapturingHost host) : base(host: host) => _host = host;

    [Fact]
    public void A_few_late_runs_are_stopped_and_resumed_by_their_IDs()
    {
        string[] ids = [.. Start("#stuck a", "#stuck b")];
        string[] lines = Lines("$ids | Wait-ComfyRun -Timeout 0", ("ids", ids));
        Assert.Equal(
            [
                $"2 of 2 runs did not finish within 0s. Still running and still billed: {ids[0]}, {ids[1]}.",
                $"To stop them: '{ids[0]}','{ids[1]}' | Stop-ComfyRun;",
                $"to continue to wait: '{ids[0]}','{ids[1]}' | Wait-ComfyRun",
            ],
            lines);
        StopsAll(lines);
    }

    [Fact]
    public void Many_late_runs_of_this_session_are_stopped_and_resumed_as_such()
    {
        string[] lines = Lines($"{Stuck} | Wait-ComfyRun -Timeout 0");
        Assert.Equal(
            [
                "7 of 7 runs did not finish within 0s. Still running and still billed: a1, a2, a3, a4, a5 and 2 more.",
                "To stop them: Get-ComfyRun -ThisSession -Active | Stop-ComfyRun;",
                "to continue to wait: Get-ComfyRun -ThisSession -Active | Wait-ComfyRun",
            ],
            lines);
        StopsAll(lines);
    }

    [Fact]
    public void Start_with_a_wait_says_the_same() =>
        Assert.Equal("To stop them: Get-ComfyRun -ThisSession -Active | Stop-ComfyRun;", Lines($"{Stuck} -Wait -Timeout 1s")[1]);

    // Get-ComfyRun -ThisSession would stop the other runs of the session, too.
    [Fact]
    public void Many_late_runs_beside_others_of_this_session_are_the_target_of_the_error()
    {
        Start("#stuck other", "#stuck and another");
        string[] lines = Lines($"{Stuck} | Wait-ComfyRun -Timeout 0");
        Assert.Equal(["To stop them: $Error[0].TargetObject | Stop-ComfyRun;", "to continue to wait: $Error[0].TargetObject | Wait-ComfyRun"], lines[1..]);
        Engine.Run(Command(lines[1]));
        Assert.Equal(7, Emulator.Runs.Count(run => run.Status == "cancelled"));
    }

    [Fact]
    public void Many_late_runs_are_named_where_another_error_follows()
    {
        Start("#stuck other", "#stuck and another");
        EngineRun run = Engine.RunWithErrors($"& {{ {Stuck}; '11111111-0000-4000-8000-000000000000' }} | Wait-ComfyRun -Timeout 3s");
        Assert.Equal(["WaitTimeout", "RunNotFound"], run.Errors.Select(IdOf));
        Engine.Run(Command(run.Errors[0].ToString().Split('\n')[1]));
        Assert.Equal(7, Emulator.Runs.Count(stored => stored.Status == "cancelled"));
    }

    [Fact]
    public void Runs_that_could_not_be_cancelled_are_all_named()
    {
        string rows = Stuck.Replace("#stuck=running", "#stuck=running #nocall", StringComparison.Ordinal);
        EngineRun run = Engine.RunWithErrors($"$started = {rows}; $emulator.Advance('0:0:30'); $started | Wait-ComfyRun -Timeout 0 -StopOnTimeout");
        string message = run.Error("WaitTimeout").ToString();
        Assert.Equal(7, run.Runs.Count);
        Assert.All(run.Runs.Select(late => $"{late.Label} ({late.RunId})"), name => Assert.Contains(name, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Runs_that_were_cancelled_are_named_by_their_labels()
    {
        string[] lines = Lines($"{Stuck} | Wait-ComfyRun -Timeout 0 -StopOnTimeout");
        Assert.Equal("7 of 7 runs did not finish within 0s. Cancelled: a1, a2, a3, a4, a5 and 2 more.", Assert.Single(lines));
    }

    [Fact]
    public void ThrowOnFailure_says_what_became_of_each_run()
    {
        Emulator.AddFault("POST /run/deployment/queue = 500 body=\"refused\"");
        EngineRun run = Engine.RunWithErrors("""
            $started = '#fail', '#cancelled', 'refused', '#timeout', 'ok', '#fail 2', '#fail 3' | ForEach-Object { $n = 0 } { $n++; [pscustomobject]@{ shot = "a$n"; prompt = $_ } } |
                Start-ComfyRun portrait -LabelColumn shot -WarningAction SilentlyContinue
            $emulator.Advance('1:00:00')
            $started | Wait-ComfyRun -InOrder -ThrowOnFailure
            """);
        string?[] ids = [.. run.Runs.Select(r => r.RunId)];
        string message = run.Error("RunFailed").ToString();
        Assert.StartsWith($"6 of 7 runs did not succeed: a1 ({ids[0]}) failed: ", message, StringComparison.Ordinal);
        Assert.Contains($"; a2 ({ids[1]}) was cancelled; row 3 (a3) was not queued: ", message, StringComparison.Ordinal);
        Assert.Contains($"; a4 ({ids[3]}) timed out; a6 ({ids[5]}) failed: ", message, StringComparison.Ordinal);
        Assert.EndsWith("; and 1 more", message, StringComparison.Ordinal);
    }

    [Fact]
    public void ThrowOnFailure_reads_well_for_one_row()
    {
        EngineRun run = Engine.RunWithErrors("[pscustomobject]@{ Status = 'not-queued'; Error = 'No credits.' } | Wait-ComfyRun -ThrowOnFailure");
        Assert.Equal("1 of 1 run did not succeed: row 1 was not queued: No credits", run.Error("RunFailed").ToString());
        Assert.Equal("1 of 1 run did not succeed.", Engine.RunWithErrors("'nothing' | Wait-ComfyRun -ThrowOnFailure").Errors[^1].ToString());
    }

    [Fact]
    public void A_batch_ends_with_one_line_before_the_errors()
    {
        EngineRun run = Engine.RunWithErrors("""
            $started = 'a', 'b', '#fail', '#cancelled', '#timeout', '#stuck', 'refused' | Start-ComfyRun portrait -InputName prompt
            $emulator.Advance('1:00:00')
            $started | Wait-ComfyRun -Timeout 0 6>&1 2>&1 | ForEach-Object { "$($_.GetType().Name)" }
            $started | Wait-ComfyRun -Timeout 0 -ErrorAction Ignore
            """);
        string[] types = [.. run.Objects.Select(item => item.BaseObject).OfType<string>()];
        Assert.Equal(["InformationRecord", "ErrorRecord"], types[7..]);
        InformationRecord line = Assert.Single(run.Information);
        Assert.Equal(["ComfyRun"], line.Tags);
        Assert.Matches(@"^7 runs: 3 ok, 1 failed, 1 cancelled, 1 timed out, 1 not finished, [\d.]+s, estimated cost at least 0\.\d{2,4} USD$", line.ToString());
    }

    [Theory]
    [InlineData("'a', 'b' | Start-ComfyRun portrait -InputName prompt -Wait -Timeout 20")]
    [InlineData("'a', 'b' | Start-ComfyRun portrait -InputName prompt | Wait-ComfyRun -Timeout 20")]
    public async Task A_batch_that_succeeds_has_the_line_too(string script)
    {
        using Underway underway = Engine.Begin(script);
        await UntilAsync(() => Emulator.Runs.Count == 2);
        LetAllEnd();
        Assert.Matches(@"^2 runs: 2 ok, [\d.]+s, estimated cost 0\.\d{2,4} USD$", underway.Finish().Information[^1].ToString());
    }

    [Theory]
    [InlineData("Start-ComfyRun portrait @{ prompt = 'a' } | ForEach-Object { $emulator.Advance('1:0:0'); $_ } | Wait-ComfyRun")]
    [InlineData("'a', 'b' | Start-ComfyRun portrait -InputName prompt")]
    [InlineData("@() | Wait-ComfyRun")]
    public void One_run_or_no_wait_has_no_closing_line(string script) =>
        Assert.DoesNotContain(Engine.Run(script).Information, line => ClosingLine().IsMatch(line.ToString()));

    [Theory]
    [InlineData(Stuck + " | Wait-ComfyRun")]
    [InlineData(Stuck + " -Wait")]
    public async Task Ctrl_C_says_which_runs_continue(string script)
    {
        using (Underway underway = Engine.Begin(script))
        {
            await UntilAsync(() => Emulator.Runs.Count == 7);
            int before = ListsRead;
            await UntilAsync(() => ListsRead > before + 1);
            await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
        }
        string[] lines = [.. _host.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
        Assert.Equal(
            [
                "7 runs continue and are billed.",
                "To continue to wait: Get-ComfyRun -ThisSession -Active | Wait-ComfyRun",
                "To stop them: Get-ComfyRun -ThisSession -Active | Stop-ComfyRun",
            ],
            lines);
        StopsAll(lines);
    }

    [Fact]
    public async Task Ctrl_C_names_a_few_runs_of_another_session()
    {
        string[] ids = [.. Start("#stuck a", "#fast")];
        LetAllEnd();
        await StopAsync("$ids | Wait-ComfyRun -Connection $other", ids);
        Assert.Equal(
            $"1 run continues and is billed.\nTo continue to wait: '{ids[0]}' | Wait-ComfyRun\nTo stop it: '{ids[0]}' | Stop-ComfyRun\n",
            _host.Text);
    }

    [Fact]
    public async Task Ctrl_C_does_not_name_many_runs_of_another_session()
    {
        string[] ids = [.. Start("#stuck 1", "#stuck 2", "#stuck 3", "#stuck 4", "#stuck 5", "#stuck 6")];
        await StopAsync("$ids | Wait-ComfyRun -Connection $other", ids);
        Assert.Equal(
            "6 runs continue and are billed.\nTo continue to wait, pipe the same runs to Wait-ComfyRun.\nTo stop them, pipe the same runs to Stop-ComfyRun.\n",
            _host.Text);
    }

    /// <summary>How often the wait has looked at the list of the workflow's runs.</summary>
    private int ListsRead => Emulator.Requests.Count(request => request.Path.EndsWith("/runs", StringComparison.Ordinal));

    private string[] Lines(string script, params (string, object?)[] variables) => Engine.RunWithErrors(script, variables).Error("WaitTimeout").ToString().Split('\n');

    private static string Command(string line) => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..];

    /// <summary>Pastes the line that stops the runs.</summary>
    private void StopsAll(string[] lines)
    {
        Engine.Run(Command(Assert.Single(lines, line => line.StartsWith("To stop", StringComparison.Ordinal))));
        Assert.All(Emulator.Runs, run => Assert.Equal("cancelled", run.Status));
        // The other line is of the same runs, which have ended now.
        string resume = Assert.Single(lines, line => line.StartsWith("to continue", StringComparison.OrdinalIgnoreCase));
        Assert.All(Engine.Run(Command(resume)).Runs, run => Assert.Equal("cancelled", run.Status));
    }

    /// <summary>Ctrl+C in a wait of a process that has not queued the runs.</summary>
    private async Task StopAsync(string script, string[] ids)
    {
        Engine.Set("ids", ids);
        ComfyConnection other = ConnectionTo(Emulator, "other");
        ApiSession.Attach(new(other, new HttpClientHandler { AllowAutoRedirect = false }));
        Engine.Set("other", other);
        int before = Emulator.Requests.Count;
        using Underway underway = Engine.Begin(script);
        await UntilAsync(() => Emulator.Requests.Count >= before + ids.Length);
        await UntilAsync(() => underway.SoFar.Count == ids.Count(id => Emulator.Runs.Any(run => run.RunId == id && run.Status == "success")));
        await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
    }

    [GeneratedRegex(@"^\d+ runs?: ")]
    private static partial Regex ClosingLine();

    private static async Task UntilAsync(Func<bool> happened)
    {
        using CancellationTokenSource limit = new(EngineFixture.Limit);
        while (!happened()) await Task.Delay(TimeSpan.FromMilliseconds(10), limit.Token);
    }
}

/// <summary>A host that nobody reads gets no notice after Ctrl+C.</summary>
public sealed class SilentStopTests() : EngineTest(host: new(hasInterface: false))
{
    [Fact]
    public async Task Ctrl_C_without_an_interface_says_nothing()
    {
        Engine.Set("id", Start("#stuck")[0]);
        using Underway underway = Engine.Begin("Wait-ComfyRun $id");
        using CancellationTokenSource limit = new(EngineFixture.Limit);
        while (!Emulator.Requests.Any(request => request.Path.StartsWith("/api/run/", StringComparison.Ordinal) && request.Method == "GET")) await Task.Delay(10, limit.Token);
        await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
        Assert.Equal((PSInvocationState.Stopped, 0), (underway.State, underway.Errors.Count));
    }
}
