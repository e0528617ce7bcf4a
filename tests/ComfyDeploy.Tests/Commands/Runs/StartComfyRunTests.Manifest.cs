using System.Text.Json.Nodes;
using ComfyDeploy.Emulator;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>Start-ComfyRun -Manifest: the same command goes on where an earlier one stopped, and nothing is paid for twice.</summary>
public sealed class StartComfyRunManifestTests : EngineTest
{
    private const string StartRows = "Start-ComfyRun portrait -LabelColumn shot -Manifest $manifest";

    private readonly TemporaryFolder _folder = new();

    public StartComfyRunManifestTests()
    {
        Engine.Set("manifest", Manifest);
        Engine.Set("folder", _folder.Path);
        Engine.Run("function Rows { foreach ($n in $args) { [pscustomobject]@{ prompt = \"p$n\"; shot = \"s$n\" } } }");
    }

    private string Manifest => Path.Combine(_folder.Path, "night.jsonl");

    private JsonNode[] Lines => [.. File.ReadLines(Manifest).Select(line => JsonNode.Parse(line)!)];

    [Fact]
    public void A_second_call_returns_what_is_done_without_a_request()
    {
        IReadOnlyList<ComfyRun> first = Finish("Rows 1 2 3");
        int requests = Emulator.Requests.Count;
        EngineRun second = Engine.Run($"Rows 1 2 3 | {StartRows} | Wait-ComfyRun");
        Assert.Equal(requests, Emulator.Requests.Count);
        Assert.Equal(3, Emulator.Runs.Count);
        Assert.Equal(first.Select(Facts), second.Runs.Select(Facts));
        Assert.Contains(second.Information, line => line.ToString() == "night.jsonl: 3 runs done before.");
    }

    [Theory]
    [InlineData("Wait-ComfyRun")]
    [InlineData("Wait-ComfyRun -InOrder")]
    public void What_is_done_comes_out_once_however_often_it_comes_in(string wait)
    {
        string?[] ids = [.. Finish("Rows 1 2").Select(run => run.RunId)];
        IReadOnlyList<ComfyRun> runs = Engine.Run($"$done = Rows 1 2 | {StartRows}; $done[0], $done[0], $done[1], $done[0] | {wait}").Runs;
        Assert.Equal(ids, runs.Select(run => run.RunId));
    }

    [Fact]
    public void What_goes_on_is_waited_for_and_not_queued_again()
    {
        string[] ids = [.. Engine.Run($"Rows 1 2 | {StartRows}").Runs.Select(run => run.RunId!)];
        using Underway second = Engine.Begin($"Rows 1 2 3 | {StartRows} | Wait-ComfyRun");
        Until(() => Emulator.Runs.Count == 3);
        LetAllEnd();
        EngineRun run = second.Finish();
        Assert.Equal(["s1", "s2", "s3"], run.Runs.Select(r => r.Label).Order());
        Assert.Superset(ids.ToHashSet(), run.Runs.Select(r => r.RunId!).ToHashSet());
        Assert.Contains(run.Information, line => line.ToString() == "night.jsonl: 2 runs still under way, 1 run queued.");
    }

    [Fact]
    public void An_edited_row_is_a_new_one_and_equal_rows_are_two()
    {
        Finish("Rows 1 2 2");
        Assert.Equal(3, Emulator.Runs.Count);
        // In another order, with another label, and one that has changed.
        IReadOnlyList<ComfyRun> runs = Engine.Run($"$rows = @(Rows 2 2 1 3); $rows[0].shot = 'again'; $rows | {StartRows}").Runs;
        Assert.Equal(4, Emulator.Runs.Count);
        Assert.Equal(["success", "success", "success", "not-started"], runs.Select(run => run.Status));
        Assert.Equal(["again", "s2", "s1", "s3"], runs.Select(run => run.Label));
        Finish("Rows 2 2 2");
        Assert.Equal(5, Emulator.Runs.Count);
    }

    [Fact]
    public void Failed_runs_are_done_and_refused_rows_are_queued_again()
    {
        Emulator.AddFault("POST /run/deployment/queue = 422 body=p2");
        Engine.Run($"@{{ prompt = 'p1 #fail' }}, @{{ prompt = 'p2' }} | Start-ComfyRun portrait -Manifest $manifest");
        LetAllEnd();
        EngineRun run = Engine.Run($"@{{ prompt = 'p1 #fail' }}, @{{ prompt = 'p2' }} | Start-ComfyRun portrait -Manifest $manifest");
        Assert.Equal(2, Emulator.Runs.Count);
        Assert.All(run.Runs, r => Assert.NotNull(r.RunId));
    }

    [Fact]
    public void What_StopOnTimeout_cancelled_is_queued_again_and_what_the_user_cancelled_is_not()
    {
        Engine.RunWithErrors($"Rows 1 | {StartRows} | Wait-ComfyRun -Timeout 0 -StopOnTimeout");
        Engine.Run($"Rows 2 | {StartRows} | Stop-ComfyRun -Confirm:$false");
        Assert.Equal(["cancelled", "cancelled"], Emulator.Runs.Select(run => run.Status));
        Engine.Run("Get-ComfyRun -Workflow portrait | Wait-ComfyRun");
        Engine.Run($"Rows 2 | {StartRows} | Wait-ComfyRun");
        IReadOnlyList<ComfyRun> runs = Engine.Run($"Rows 1 2 | {StartRows}").Runs;
        Assert.Equal(["not-started", "cancelled"], runs.Select(run => run.Status));
        Assert.Equal(3, Emulator.Runs.Count);
    }

    [Fact]
    public void A_cancel_that_was_recorded_and_not_seen_is_looked_at()
    {
        ComfyRun run = Engine.Run($"Rows 1 | {StartRows}").Runs[0];
        File.AppendAllText(Manifest, $$"""{"event":"stopping","key":"{{KeyOf(run)}}","at":"2026-11-24T00:00:00Z","run":"{{run.RunId}}"}""" + "\n");
        Emulator.SetStatus(run.RunId!, "cancelled", ended: true);
        Assert.Equal("not-started", Engine.Run($"Rows 1 | {StartRows}").Runs[0].Status);
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Fact]
    public void A_run_whose_answer_was_never_recorded_is_found()
    {
        string id = Engine.Run($"Rows 1 | {StartRows}").Runs[0].RunId!;
        // The process was killed before it had the answer.
        File.WriteAllLines(Manifest, File.ReadLines(Manifest).Take(2).ToArray());
        ComfyRun run = InAnotherProcess($"Rows 1 | {StartRows}").Runs[0];
        Assert.Equal((id, "s1"), (run.RunId, run.Label));
        Assert.Single(Emulator.Runs);
    }

    [Fact]
    public void A_run_that_this_session_found_by_itself_is_the_one_that_was_lost()
    {
        Emulator.AddFault("POST /run/deployment/queue = lost");
        Emulator.AddFault("GET /deployment/*/runs = 500 x5");
        EngineRun lost = Engine.RunWithErrors($"Rows 1 | {StartRows} -Connection $hasty", ("hasty", WithoutPauses()));
        Assert.Equal("not-queued", Assert.Single(lost.Runs).Status);
        string id = Assert.Single(Emulator.Runs).RunId;
        Emulator.ClearFaults();
        Assert.Equal(id, Assert.Single(Engine.Run("Get-ComfyRun -ThisSession -Connection $hasty").Runs).RunId);
        Assert.Equal(id, Assert.Single(Engine.Run($"Rows 1 | {StartRows} -Connection $hasty").Runs).RunId);
        Assert.Single(Emulator.Runs);
    }

    [Fact]
    public void Two_commands_of_one_session_queue_no_row_twice()
    {
        Emulator.AddFault("POST /run/deployment/queue = latency 300ms always");
        using EngineFixture other = new();
        other.Set("c", Connection);
        other.Set("manifest", Manifest);
        const string Script = "@{ prompt = 1 }, @{ prompt = 2 }, @{ prompt = 3 } | Start-ComfyRun portrait -Manifest $manifest -Connection $c";
        using Underway second = other.Begin(Script);
        EngineRun first = Engine.Run(Script.Replace(" -Connection $c", "", StringComparison.Ordinal));
        EngineRun both = second.Finish();
        Assert.Equal(3, Emulator.Runs.Count);
        Assert.Equal((3, 3), (first.Runs.Count, both.Runs.Count));
        Assert.Equal(3, first.Runs.Concat(both.Runs).Select(run => run.RunId).OfType<string>().Distinct().Count());
    }

    [Fact]
    public void What_a_stale_object_restarts_is_not_paid_for_again()
    {
        Engine.Run($"Rows '1 #fail' | {StartRows}");
        LetAllEnd();
        Engine.Run($"Rows '1 #fail' | {StartRows} | Wait-ComfyRun");
        Engine.Run("$failed = Get-ComfyRun -Manifest $manifest");
        Engine.Run("$failed | Restart-ComfyRun -InputOverride @{ prompt = 'better' } -Manifest $manifest");
        LetAllEnd();
        Engine.Run("$failed | Restart-ComfyRun -InputOverride @{ prompt = 'better' } -Manifest $manifest | Wait-ComfyRun");
        EngineRun again = Engine.Run("$failed | Restart-ComfyRun -InputOverride @{ prompt = 'better' } -Manifest $manifest");
        Assert.Equal("success", Assert.Single(again.Runs).Status);
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Fact]
    public void A_refused_restart_leaves_the_run_that_there_was()
    {
        string id = Finish("Rows 1")[0].RunId!;
        Emulator.AddFault("POST /run/deployment/queue = 422");
        Engine.RunWithErrors("Get-ComfyRun -Manifest $manifest | Restart-ComfyRun -Manifest $manifest");
        ComfyRun row = Assert.Single(Engine.Run("Get-ComfyRun -Manifest $manifest").Runs);
        Assert.Equal((id, "success"), (row.RunId, row.Status));
        Engine.Run($"Rows 1 | {StartRows}");
        Assert.Single(Emulator.Runs);
    }

    [Fact]
    public void Of_equal_rows_the_one_that_was_refused_is_restarted()
    {
        Emulator.AddFault("POST /run/deployment/queue = 422 after=1");
        Engine.Run($"$rows = Rows 1 1 1 | {StartRows} -MaxInFlight 3");
        LetAllEnd();
        EngineRun run = Engine.Run("$rows | Where-Object Status -eq not-queued | Restart-ComfyRun -Manifest $manifest");
        Assert.NotNull(Assert.Single(run.Runs).RunId);
        Assert.Equal(3, Emulator.Runs.Count);
    }

    [Fact]
    public void A_manifest_that_was_deleted_meanwhile_stops_the_queueing()
    {
        EngineRun run = Engine.RunWithErrors($"Rows 1 2 3 | ForEach-Object {{ if ($_.shot -eq 's2') {{ [IO.File]::Delete($manifest) }}; $_ }} | {StartRows}");
        if (OperatingSystem.IsWindows()) return;
        Assert.Equal("ManifestUnwritable", IdOf(Assert.Single(run.Errors)));
        Assert.Single(Emulator.Runs);
        Assert.Equal(3, run.Runs.Count);
    }

    [Fact]
    public void The_timeout_counts_after_rows_that_were_done_before()
    {
        Finish("Rows 1");
        EngineRun run = Engine.RunWithErrors($$"""
            & { Rows 1; $hold.Invoke(); Rows 2 } | {{StartRows}} -Wait -Timeout 1
            """, ("hold", new Action(() => SpinWait.SpinUntil(() => false, TimeSpan.FromSeconds(1.5)))));
        Assert.Equal(["success", "not-queued"], run.Runs.Select(item => item.Status));
        Assert.Single(Emulator.Runs);
    }

    [Fact]
    public void Repeats_and_files_are_known_by_their_content()
    {
        string image = Path.Combine(_folder.Path, "a.png");
        File.WriteAllBytes(image, [1, 2, 3]);
        const string Upscale = "[IO.FileInfo]$image | Start-ComfyRun upscale-4k -InputName image -Repeat 2 -Manifest $manifest";
        Engine.Run(Upscale, ("image", image));
        string moved = Path.Combine(_folder.Path, "b.png");
        File.Move(image, moved);
        Engine.Run(Upscale, ("image", moved));
        Assert.Equal(2, Emulator.Runs.Count);
        File.WriteAllBytes(moved, [4]);
        Engine.Run(Upscale);
        Assert.Equal(4, Emulator.Runs.Count);
    }

    [Fact]
    public void WhatIf_writes_nothing_and_counts_what_is_left()
    {
        CapturingHost host = new();
        using EngineFixture engine = new(host);
        engine.Set("c", Connection);
        engine.Set("manifest", Manifest);
        engine.Run("$PSDefaultParameterValues = @{ '*-Comfy*:Connection' = $c }");
        const string Two = "@{ prompt = 1 }, @{ prompt = 2 } | Start-ComfyRun portrait -Manifest $manifest";
        engine.Run($"{Two} -WhatIf");
        Assert.False(File.Exists(Manifest));
        engine.Run(Two);
        string before = File.ReadAllText(Manifest);
        EngineRun run = engine.Run("@{ prompt = 1 }, @{ prompt = 2 }, @{ prompt = 3 } | Start-ComfyRun portrait -Manifest $manifest -WhatIf");
        Assert.Equal(before, File.ReadAllText(Manifest));
        Assert.Contains("1 run would be queued", run.Shown, StringComparison.Ordinal);
        Assert.Contains("What if: night.jsonl: 2 runs still under way.", run.Shown, StringComparison.Ordinal);
        Assert.Empty(run.Objects);
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Fact]
    public void A_warning_at_the_end_of_a_pipeline_names_what_this_call_queued_and_nothing_else()
    {
        string done = Finish("Rows 1")[0].RunId!;
        EngineRun run = Engine.RunWithErrors($"Rows 1 2 | {StartRows} | ForEach-Object {{ if ($_.Label -eq 's2') {{ throw 'boom' }} }}");
        string text = string.Join(" ", run.Warnings) + run.Shown;
        Assert.DoesNotContain(done, text, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_account_is_refused_before_anything_is_queued()
    {
        Engine.Run($"Rows 1 | {StartRows}");
        using ComfyEmulator other = ComfyEmulator.Start(new() { Speed = 0 });
        EngineRun run = Engine.RunWithErrors($"Rows 1 2 | {StartRows} -Connection $other", ("other", ConnectionTo(other, "other")));
        Assert.Equal("ManifestMismatch", IdOf(Assert.Single(run.Errors)));
        Assert.Empty(other.Runs);
    }

    [Fact]
    public void A_manifest_in_use_is_refused_before_anything_is_queued()
    {
        using FileStream held = new($"{Manifest}.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        EngineRun run = Engine.RunWithErrors($"Rows 1 2 | {StartRows}");
        Assert.Equal("ManifestInUse", IdOf(Assert.Single(run.Errors)));
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void A_damaged_line_is_refused_before_anything_is_queued_and_half_a_last_line_is_not()
    {
        Finish("Rows 1 2");
        string[] lines = File.ReadAllLines(Manifest);
        File.WriteAllText(Manifest, string.Join("\n", lines) + "\n" + lines[1][..20]);
        Engine.Run($"Rows 1 2 | {StartRows}");
        File.WriteAllText(Manifest, string.Join("\n", [lines[0], lines[1][..20], .. lines[2..]]) + "\n");
        EngineRun run = Engine.RunWithErrors($"Rows 1 2 3 | {StartRows}");
        Assert.Equal("ManifestInvalid", IdOf(Assert.Single(run.Errors)));
        Assert.Contains("Line 2", run.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Equal(2, Emulator.Runs.Count);
    }

    [Fact]
    public void A_manifest_that_cannot_be_written_stops_everything_before_anything_is_queued()
    {
        Engine.Set("manifest", Path.Combine(_folder.Path, "missing", "night.jsonl"));
        EngineRun run = Engine.RunWithErrors($"Rows 1 2 | {StartRows}");
        Assert.Equal("ManifestUnwritable", IdOf(Assert.Single(run.Errors)));
        Assert.Empty(Emulator.Runs);
    }

    [Fact]
    public void The_batch_comes_back_from_its_manifest_in_row_order()
    {
        Emulator.AddFault("POST /run/deployment/queue = 422 body=p2");
        Engine.Run($"Rows 3 2 1 | {StartRows}");
        Emulator.Advance(TimeSpan.FromHours(1));
        Engine.Run($"Rows 3 | {StartRows} | Wait-ComfyRun");
        int requests = Emulator.Requests.Count;
        IReadOnlyList<ComfyRun> runs = Engine.Run("Get-ComfyRun -Manifest $manifest").Runs;
        Assert.Equal(["s3", "s2", "s1"], runs.Select(run => run.Label));
        Assert.Equal(["success", "not-queued", "success"], runs.Select(run => run.Status));
        Assert.Equal("""{"prompt":"p3"}""", runs[0].Inputs!.ToString());
        // Only the end of the last one was not recorded.
        Assert.Equal(requests + 1, Emulator.Requests.Count);
    }

    private protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing) _folder.Dispose();
    }

    private string KeyOf(ComfyRun run) => (string)Lines.First(line => (string?)line["run"] == run.RunId)["key"]!;

    private static object Facts(ComfyRun run) => (run.RunId, run.Status, run.Label, run.DeploymentName, run.RunSeconds, run.EstimatedCost, run.PercentComplete, run.Inputs!.ToString());

    private IReadOnlyList<ComfyRun> Finish(string rows)
    {
        using Underway underway = Engine.Begin($"{rows} | {StartRows} | Wait-ComfyRun -InOrder");
        while (underway.State == System.Management.Automation.PSInvocationState.Running) Emulator.Advance(TimeSpan.FromSeconds(1));
        return underway.Finish().Runs;
    }

    /// <summary>What a process would do that has seen nothing of the runs.</summary>
    private EngineRun InAnotherProcess(string script)
    {
        ComfyConnection connection = ConnectionTo(Emulator, "later");
        ComfyDeploy.Client.ApiSession.Attach(new(connection, new HttpClientHandler { AllowAutoRedirect = false }));
        return Engine.Run($"{script} -Connection $later", ("later", connection));
    }

    private static void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, EngineFixture.Limit));
}
