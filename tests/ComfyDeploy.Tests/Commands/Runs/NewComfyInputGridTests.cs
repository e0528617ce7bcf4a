using System.Management.Automation;
using ComfyDeploy.Tests.Engine;

namespace ComfyDeploy.Tests.Commands;

/// <summary>New-ComfyInputGrid: what it combines, in which order, and what it refuses.</summary>
public sealed class NewComfyInputGridTests : EngineTest
{
    [Fact]
    public void The_last_key_varies_fastest_and_properties_keep_the_order_of_the_keys()
    {
        EngineRun run = Engine.Run("New-ComfyInputGrid ([ordered]@{ style = 'noir', 'anime'; cfg = 4, 7.5; seed = 1..2 })");
        Assert.Equal(
            [
                "style=noir cfg=4 seed=1", "style=noir cfg=4 seed=2", "style=noir cfg=7.5 seed=1", "style=noir cfg=7.5 seed=2",
                "style=anime cfg=4 seed=1", "style=anime cfg=4 seed=2", "style=anime cfg=7.5 seed=1", "style=anime cfg=7.5 seed=2",
            ],
            run.Objects.Select(Describe));
        Assert.All(run.Objects, row => Assert.IsType<PSCustomObject>(row.BaseObject));
        Assert.Empty(Emulator.Requests);
    }

    [Theory]
    [InlineData("@{ prompt = 'a fox' }", "prompt=a fox")]
    [InlineData("@{ seed = 7 }", "seed=7")]
    [InlineData("@{ image = $null }", "image=")]
    [InlineData("@{ image = $null, 'x' }", "image= | image=x")]
    [InlineData("[ordered]@{ prompt = 'a fox'; seed = 1, 2 }", "prompt=a fox seed=1 | prompt=a fox seed=2")]
    [InlineData("@{ seed = & { 1; 2 } }", "seed=1 | seed=2")]
    [InlineData("@{ seed = & { 1 } }", "seed=1")]
    [InlineData("@{ images = ('a', 'b'), ('c', 'd') }", "images=a b | images=c d")]
    [InlineData("@{ images = , ('a', 'b') }", "images=a b")]
    [InlineData("@{ images = @(, @()) }", "images=")]
    [InlineData("@{ seed = [System.Collections.Generic.List[int]](1, 2) }", "seed=1 | seed=2")]
    [InlineData("@{ option = @{ a = 1 } }", "option=System.Collections.Hashtable")]
    [InlineData("[System.Collections.SortedList]::new(@{ b = @(1, 2); a = 3 })", "a=3 b=1 | a=3 b=2")]
    public void A_list_is_many_values_and_anything_else_is_one(string values, string expected) =>
        Assert.Equal(expected, string.Join(" | ", Engine.Run($"New-ComfyInputGrid -Values ({values})").Objects.Select(Describe)));

    [Fact]
    public void Values_keep_their_type_and_identity()
    {
        FileInfo file = new(Path.GetTempFileName());
        Engine.Set("given", new object?[] { file, 7L, 0.5m, null, true });
        EngineRun run = Engine.Run("New-ComfyInputGrid @{ image = $given }; $given[0].Delete()");
        Assert.Equal([file, 7L, 0.5m, null, true], run.Objects.Select(row => row.Properties["image"].Value));
    }

    [Theory]
    [InlineData("@{}", "There are no keys.")]
    [InlineData("[ordered]@{}", "There are no keys.")]
    [InlineData("[ordered]@{ prompt = 'x'; seed = @() }", "'seed' has no values.")]
    [InlineData("@{ image = & { } }", "'image' has no values.")]
    [InlineData("@{ 1 = 2 }", "The key 1 is Int32, not text. Quote the name of the input: '1'")]
    [InlineData("@{ '' = 2 }", "A key is empty.")]
    [InlineData("$twice", "is given twice: names of inputs are not case-sensitive.")]
    public void What_makes_no_grid_is_refused_before_the_first_row(string values, string message)
    {
        Engine.Set("twice", new Dictionary<string, int> { ["seed"] = 1, ["SEED"] = 2 });
        EngineRun run = Engine.RunWithErrors($"New-ComfyInputGrid ({values})");
        ErrorRecord error = run.Error(ErrorIds.InvalidInput);
        Assert.Equal("InvalidInput,ComfyDeploy.Commands.NewComfyInputGridCommand", error.FullyQualifiedErrorId);
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
        Assert.Empty(run.Objects);
    }

    [Fact]
    public void A_grid_of_a_billion_rows_ends_with_the_command_behind_it()
    {
        EngineRun run = Engine.Run("""
            $made = 0
            foreach ($once in 1) { New-ComfyInputGrid ([ordered]@{ a = 1..1000; b = 1..1000; c = 1..1000 }) | ForEach-Object { $made++; $_; if ($made -eq 3) { break } } }
            """);
        Assert.Equal(["a=1 b=1 c=1", "a=1 b=1 c=2", "a=1 b=1 c=3"], run.Objects.Select(Describe));
    }

    [Fact]
    public async Task Ctrl_C_ends_a_grid_of_a_billion_rows()
    {
        using Underway underway = Engine.Begin("New-ComfyInputGrid ([ordered]@{ a = 1..1000; b = 1..1000; c = 1..1000 }) | Where-Object b -eq 1 | Where-Object c -eq 1");
        using CancellationTokenSource limit = new(EngineFixture.Limit);
        while (underway.SoFar.Count == 0) await Task.Delay(TimeSpan.FromMilliseconds(10), limit.Token);
        await Task.Run(underway.Stop).WaitAsync(EngineFixture.Limit);
        Assert.Equal(PSInvocationState.Stopped, underway.State);
        Assert.Empty(underway.Errors);
        Assert.InRange(underway.SoFar.Count, 1, 999);
    }

    [Fact]
    public void Each_row_is_a_run()
    {
        EngineRun run = Engine.Run("New-ComfyInputGrid ([ordered]@{ style = 'noir', 'anime'; seed = 1..3 }) | Start-ComfyRun -Deployment portrait @{ prompt = 'fox' }");
        Assert.Equal(
            Enumerable.Range(0, 6).Select(i => $$"""{"prompt":"fox","style":"{{(i < 3 ? "noir" : "anime")}}","seed":{{(i % 3) + 1}}}"""),
            run.Runs.Select(r => r.InputsJson));
        Assert.Equal(6, Count("POST", Queue));
    }

    internal static string Describe(PSObject row) => string.Join(' ', row.Properties.Select(property =>
        $"{property.Name}={LanguagePrimitives.ConvertTo<string>(property.Value)}"));
}

/// <summary>The memory of a large grid.</summary>
[Collection(ProcessWide.Name)]
public sealed class LargeInputGridTests : EngineTest
{
    [Fact]
    public void A_million_rows_take_no_memory()
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        List<long> kept = [];
        Engine.Set("look", new Action(() => kept.Add(GC.GetTotalMemory(forceFullCollection: true) - before)));
        EngineRun run = Engine.Run("New-ComfyInputGrid ([ordered]@{ a = 1..1000; b = 1..1000 }) | Where-Object b -eq 1000 | ForEach-Object { if ($_.a % 250 -eq 0) { $look.Invoke() }; $_ }");
        Assert.Equal(Enumerable.Range(1, 1000).Select(a => $"a={a} b=1000"), run.Objects.Select(NewComfyInputGridTests.Describe));
        // Four looks on the way; a million rows would be more than 300 MB.
        Assert.Equal(4, kept.Count);
        Assert.All(kept, bytes => Assert.InRange(bytes, long.MinValue, 16_000_000));
    }
}
