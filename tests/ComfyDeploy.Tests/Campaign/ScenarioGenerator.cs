using CsCheck;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>Makes scenarios: each depends on the campaign's seed and on its own number, and on nothing else.</summary>
internal static class ScenarioGenerator
{
    private const int MostRows = 12;

    // More than are read ahead of the row that is written.
    private const int FewOfMany = 20;
    private const int MostOfMany = 24;
    private const int LongestStuckWait = 1800;
    private const int WarmUp = 16;

    private static readonly string[] EndingTags = ["", "#fast", "#slow", "#fail", "#failearly", "#timeout", "#cancelled", "#multi", "#private", "#nooutput", "#badname"];
    private static readonly string[] EndlessTags = ["#stuck", "#stuck=queued", "#stuck=running", "#unknown", "#nocall #stuck"];

    private static readonly Gen<Row> Rows =
        from tag in Gen.Frequency((5, Gen.OneOf(EndingTags)), (1, Gen.OneOf(EndlessTags)), (1, Gen.Const("#createfail")))
        from subject in Gen.OneOf("a", "b", "c")
        from label in Gen.OneOf("one", "two", "three", "")
        from deployment in Gen.Frequency((6, Gen.OneOf(ScenarioDeployments.Known)), (1, Gen.Const(ScenarioDeployments.Missing)))
        from file in Gen.Frequency((3, Gen.OneOf<string?>(ScenarioFiles.Names)), (1, Gen.Const((string?)null)))
        from isPath in Gen.Bool
        select new Row($"{subject} {tag}".TrimEnd(), label, deployment, file, isPath);

    private static readonly Gen<string> Preference = Gen.Frequency(
        (8, Gen.Const("Continue")), (3, Gen.Const("SilentlyContinue")), (1, Gen.Const("Stop")));

    private static readonly Gen<Preferences> Any =
        Gen.Select(Preference, Preference, Preference, Preference, Preference, (error, warning, debug, verbose, information) => new Preferences(error, warning, debug, verbose, information));

    // One that ends the pipeline at its first message, and no other: what that costs is not hidden by the others.
    private static readonly Gen<Preferences> OneStop = Gen.OneOf(
        Campaign.Preferences.Quiet with { Warning = "Stop" }, Campaign.Preferences.Quiet with { Debug = "Stop" },
        Campaign.Preferences.Quiet with { Verbose = "Stop" }, Campaign.Preferences.Quiet with { Information = "Stop" });

    private static readonly Gen<Preferences> Preferences = Gen.Frequency((6, Gen.Const(Campaign.Preferences.Quiet)), (3, Any), (1, OneStop));

    // What a gateway or a broken connection makes of good answers often lasts.
    private static readonly HashSet<FaultKind> Lasting =
    [
        FaultKind.ResetInAnswer, FaultKind.Truncated, FaultKind.EmptyObject, FaultKind.NullAnswer, FaultKind.WrongTypes, FaultKind.HalfSurrogate,
        FaultKind.EmptyTexts, FaultKind.CorruptGzip,
    ];

    private static readonly FaultKind[] UsualKinds = [.. Enum.GetValues<FaultKind>().Where(kind => kind != FaultKind.Vanished)];
    private static readonly ServiceRoute[] UsualRoutes = [.. Enum.GetValues<ServiceRoute>().Where(route => route != ServiceRoute.Upload)];

    private static Gen<PlannedFault> Faults(Flow flow, bool hasFiles, bool hasColumn) =>
        from kind in Gen.Frequency((hasColumn ? 8 : 30, Gen.OneOf(UsualKinds)), (1, Gen.Const(FaultKind.Vanished)))
        from route in kind is FaultKind.NoCredit or FaultKind.Vanished
            ? Gen.Const(ServiceRoute.Create)
            : Gen.Frequency((2, Gen.OneOf(UsualRoutes)), (3, Gen.OneOf(RoutesOf(flow))), (hasFiles ? 4 : 0, Gen.Const(ServiceRoute.Upload)))
        from deployment in Gen.OneOf(ScenarioDeployments.Known)
        from at in Gen.Frequency((1, Gen.Int[1, 3]), (1, Gen.Int[1, 8]))
        from seconds in kind == FaultKind.Unavailable ? Gen.OneOf(1, 5, 30, 120, 600) : Gen.OneOf(1, 5, 60)
        from times in Lasting.Contains(kind) ? Gen.Frequency((2, Gen.Const(1)), (1, Gen.Int[5, 20])) : Gen.Const(1)
        select new PlannedFault(kind, route, at, seconds, times, kind == FaultKind.Vanished ? deployment : null);

    // The better half of the services announces changes as it should.
    private static readonly Gen<DoorbellKind> Doorbells =
        Gen.Frequency((1, Gen.Const(DoorbellKind.Works)), (1, Gen.Enum<DoorbellKind>()));

    /// <summary>The requests that decide what becomes of the runs.</summary>
    private static ServiceRoute[] RoutesOf(Flow flow) => flow switch
    {
        Flow.Start => [ServiceRoute.Create, ServiceRoute.OwnRuns],
        Flow.GetActiveStop or Flow.GetStatusStop => [ServiceRoute.ListRuns, ServiceRoute.ReadRun, ServiceRoute.Cancel],
        Flow.StopWait => [ServiceRoute.ReadRun, ServiceRoute.Cancel],
        Flow.WaitStopOnTimeout or Flow.StartWaitStopOnTimeout => [ServiceRoute.Create, ServiceRoute.ReadRun, ServiceRoute.ListRuns, ServiceRoute.Cancel],
        Flow.WaitSave => [ServiceRoute.Create, ServiceRoute.ReadRun, ServiceRoute.ListRuns, ServiceRoute.Storage],
        _ => [ServiceRoute.Create, ServiceRoute.ReadRun, ServiceRoute.ListRuns],
    };

    private static readonly Gen<Scenario> Scenarios =
        from flow in Gen.Enum<Flow>()
        from isNew in Gen.Frequency((2, Gen.Const(false)), (1, Gen.Const(true)))
        from files in Gen.Frequency((1, Gen.Const(false)), (2, Gen.Const(true)))
        from column in Gen.Bool
        from many in Gen.Frequency((4, Gen.Const(false)), (1, Gen.Const(true)))
        from latency in Gen.Bool
        from rows in isNew && many ? Rows.List[FewOfMany, MostOfMany] : Rows.List[0, MostRows]
        from deadline in Gen.Frequency((1, Gen.Const((int?)null)), (2, Gen.OneOf<int?>(0, 1, 5, 30, 60, 300, LongestStuckWait)))
        from preferences in Preferences
        from downstream in Gen.Frequency((8, Gen.Const(Downstream.TakesAll)), (1, Gen.Const(Downstream.TakesFirst)), (1, Gen.Const(Downstream.Throws)))
        from enough in Gen.Int[1, 4]
        from stop in Gen.Frequency((7, Gen.Const((int?)null)), (1, Gen.Int[1, 30].Select(place => (int?)place)))
        from arrives in Gen.Bool
        from two in Gen.Frequency((4, Gen.Const(false)), (1, Gen.Const(true)))
        let fault = Faults(flow, isNew && files, isNew && column)
        from faults in Gen.Frequency((1, fault.List[0, 0]), (3, fault.List[1, 2]), (1, fault.List[3, 6]))
        from known in Gen.Bool
        from doorbell in Doorbells
        from sockets in Gen.Frequency((9, Gen.Const(false)), (1, Gen.Const(true)))
        from inFlight in Gen.Frequency((2, Gen.Const((int?)null)), (1, Gen.Int[1, 4].Select(count => (int?)count)))
        select Tidy(new Scenario
        {
            Flow = flow,
            Rows = isNew && files ? rows : [.. rows.Select(row => row with { File = null })],
            HasColumn = isNew && column,
            HasLatency = isNew && latency,
            Deadline = deadline,
            Preferences = preferences,
            Downstream = downstream,
            Enough = enough,
            StopAtRequest = stop,
            StoppedRequestArrives = arrives,
            HasTwoConnections = two,
            Faults = faults,
            KnowsDeployments = known,
            Doorbell = doorbell,
            HasSockets = sockets,
            MaxInFlight = inFlight,
        });

    internal static Scenario Make(ulong seed, int index)
    {
        PCG random = new((uint)index, seed);
        // The first numbers of neighboring streams resemble each other.
        for (int i = 0; i < WarmUp; i++) random.Next();
        return Scenarios.Generate(random, null, out _);
    }

    /// <summary>Takes out what cannot be together: a wait for a run without an end needs a deadline, and sockets know fewer faults.</summary>
    internal static Scenario Tidy(Scenario scenario)
    {
        if (scenario.HasEarlierRuns) scenario = scenario with { MaxInFlight = null };
        bool waits = scenario.Flow != Flow.Start || scenario.MaxInFlight is not null;
        if (scenario.Flow is Flow.GetActiveStop or Flow.GetStatusStop || !waits) scenario = scenario with { Deadline = null };
        else if (scenario.Deadline is null && scenario.Rows.Any(IsEndless)) scenario = scenario with { Deadline = LongestStuckWait };
        if (scenario.HasEarlierRuns)
            scenario = scenario with { HasTwoConnections = false, HasColumn = false, Rows = [.. scenario.Rows.Select(row => row with { File = null })] };
        if (!scenario.HasColumn)
        {
            scenario = scenario with
            {
                Rows = [.. scenario.Rows.Select(row => row with { Deployment = ScenarioDeployments.Usual })],
                Faults = [.. scenario.Faults.Select(fault => fault.Deployment is null ? fault : fault with { Deployment = ScenarioDeployments.Usual })],
            };
        }
        // Files are read on several threads: that their requests take time puts these in order.
        if (scenario.HasFiles) scenario = scenario with { HasLatency = true };
        if (!scenario.HasSockets) return scenario;
        return scenario with
        {
            Deadline = scenario.Deadline is null ? null : Math.Min(scenario.Deadline.Value, SocketService.LongestWait),
            StopAtRequest = null,
            // The slot of a run without an end is taken for a day, and over sockets days are long.
            MaxInFlight = scenario.Rows.Any(IsEndless) ? null : scenario.MaxInFlight,
            HasLatency = false,
            Faults = [.. scenario.Faults.Where(SocketService.Knows)],
        };
    }

    private static bool IsEndless(Row row) => EndlessTags.Any(row.Prompt.Contains);
}
