using CsCheck;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>A batch with a manifest, whose process is killed and started again.</summary>
internal sealed record ManifestScenario
{
    private static readonly string[] Commands =
    [
        "Start-ComfyRun", "Start-ComfyRun -Wait", "Start-ComfyRun | Wait-ComfyRun", "Start-ComfyRun | Wait-ComfyRun -InOrder",
        "Start-ComfyRun | Wait-ComfyRun | Save-ComfyRunOutput", "Start-ComfyRun | Wait-ComfyRun -Timeout 20 -StopOnTimeout",
        "Start-ComfyRun -Wait -Timeout 20 -StopOnTimeout",
    ];

    // A refused create leaves a run of the service's own, so that none of them is told apart from a second one.
    private static readonly string[] Tags = ["", "#fast", "#slow", "#fail", "#failearly", "#timeout", "#multi", "#private", "#nooutput", "#badname"];

    private static readonly FaultKind[] Kinds = [.. Enum.GetValues<FaultKind>().Where(kind => kind is not (FaultKind.Vanished or FaultKind.ServerError))];
    private static readonly ServiceRoute[] Routes = [ServiceRoute.Create, ServiceRoute.Create, ServiceRoute.OwnRuns, ServiceRoute.ReadRun, ServiceRoute.ListRuns, ServiceRoute.Storage, ServiceRoute.Cancel, ServiceRoute.Any];

    private static readonly Gen<Row> RowsOf =
        from tag in Gen.OneOf(Tags)
        from subject in Gen.OneOf("a", "b", "c")
        from label in Gen.OneOf("one", "two", "three")
        from file in Gen.Frequency((2, Gen.Const((string?)null)), (1, Gen.OneOf<string?>("red.png", "green.png", "blue.webp")))
        select new Row($"{subject} {tag}".TrimEnd(), label, File: file);

    private static readonly Gen<PlannedFault> Faults =
        from kind in Gen.OneOf(Kinds)
        from route in kind == FaultKind.NoCredit ? Gen.Const(ServiceRoute.Create) : Gen.OneOf(Routes)
        from at in Gen.Int[1, 6]
        from seconds in Gen.OneOf(1, 5, 60)
        select new PlannedFault(kind, route, at, seconds);

    private static readonly Gen<ManifestCall> CallsOf =
        from kill in Gen.Int[1, 25]
        from isKilled in Gen.Frequency((4, Gen.Const(true)), (1, Gen.Const(false)))
        from arrives in Gen.Bool
        from torn in Gen.Bool
        from faults in Faults.List[0, 2]
        from pause in Gen.OneOf(0, 1, 30, 90)
        select new ManifestCall(isKilled ? kill : null, arrives, torn, faults, pause);

    private static readonly Gen<ManifestScenario> All =
        from command in Gen.OneOf(Commands)
        from rows in RowsOf.List[1, 10]
        from inFlight in Gen.Frequency((1, Gen.Const((int?)null)), (2, Gen.Int[1, 4].Select(count => (int?)count)))
        from latency in Gen.Bool
        from calls in CallsOf.List[1, 4]
        from restarts in Gen.Frequency((2, CallsOf.List[0, 0]), (1, CallsOf.List[1, 3]))
        select new ManifestScenario
        {
            Command = command,
            Rows = rows,
            MaxInFlight = inFlight,
            HasLatency = latency,
            Calls = calls,
            Restarts = restarts,
        };

    internal required string Command { get; init; }

    internal required IReadOnlyList<Row> Rows { get; init; }

    internal int? MaxInFlight { get; init; }

    internal bool HasLatency { get; init; }

    internal required IReadOnlyList<ManifestCall> Calls { get; init; }

    /// <summary>The calls that then start again what has failed.</summary>
    internal required IReadOnlyList<ManifestCall> Restarts { get; init; }

    internal bool StopsLate => Command.Contains("-StopOnTimeout", StringComparison.Ordinal);

    internal static ManifestScenario Make(ulong seed, int index)
    {
        PCG random = new((uint)index, seed);
        for (int i = 0; i < 16; i++) random.Next();
        return All.Generate(random, null, out _);
    }

    /// <summary>The script of one call; in it, $c is the connection, $files the folder of the files, $folder another one.</summary>
    internal string Script
    {
        get
        {
            string rows = string.Join(", ", Rows.Select(row =>
                $"[pscustomobject]@{{ prompt = '{row.Prompt}'; name = '{row.Label}'{(row.File is null ? "" : $"; image = \"$files/{row.File}\"")} }}"));
            string start = $"Start-ComfyRun portrait -LabelColumn name -Manifest $manifest -Connection $c{(MaxInFlight is { } count ? $" -MaxInFlight {count}" : "")}";
            return $"{rows} | {Command.Replace("Start-ComfyRun", start, StringComparison.Ordinal)}"
                .Replace("Save-ComfyRunOutput", "Save-ComfyRunOutput $folder", StringComparison.Ordinal);
        }
    }

    /// <summary>The script of a call that starts again what has failed.</summary>
    internal string RestartScript =>
        $$"""
        Get-ComfyRun -Manifest $manifest -Connection $c | Where-Object { $_.Status -in 'failed', 'timeout' } |
            Restart-ComfyRun -Manifest $manifest -Connection $c{{(MaxInFlight is { } count ? $" -MaxInFlight {count}" : "")}} | Wait-ComfyRun
        """;

    public override string ToString() => string.Join(Environment.NewLine,
    [
        .. Calls.Select(call => $"# {call}"), .. Restarts.Select(call => $"# restart: {call}"), HasLatency ? "# creates and uploads take time" : "", Script,
    ]);
}

/// <summary>One call of the script.</summary>
/// <param name="KilledAt">The request at which its process is killed; null when it ends by itself.</param>
/// <param name="Arrives">Whether that request is carried out all the same.</param>
/// <param name="IsTorn">Whether half a line is left at the end of the manifest.</param>
/// <param name="Faults">What goes wrong in it.</param>
/// <param name="Pause">Seconds until the next call.</param>
internal sealed record ManifestCall(int? KilledAt, bool Arrives, bool IsTorn, IReadOnlyList<PlannedFault> Faults, int Pause)
{
    public override string ToString() =>
        $"{(KilledAt is { } at ? $"killed at request {at}{(Arrives ? ", which arrives" : "")}{(IsTorn ? ", half a line" : "")}" : "ends")}, "
            + $"again after {Pause} s; {string.Join("; ", Faults)}";
}
