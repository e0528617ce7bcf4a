using System.Globalization;
using ComfyDeploy.Client;
using ComfyDeploy.Emulator;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>The emulator as users have it, on real sockets, with a client whose time is as fast as the emulator's.</summary>
internal static class SocketService
{
    /// <summary>Emulated seconds in a second.</summary>
    internal const double Speed = 100;

    /// <summary>The longest deadline in seconds: it takes real time.</summary>
    internal const int LongestWait = 30;

    /// <summary>Whether the emulator itself can do it.</summary>
    internal static bool Knows(PlannedFault fault) => Grammar(fault) is not null && !IsUnnoticeable(fault);

    /// <summary>Half a file that states its own length is a whole one to any client.</summary>
    private static bool IsUnnoticeable(PlannedFault fault) => fault is { Route: ServiceRoute.Storage, Kind: FaultKind.Truncated };

    /// <summary>The fault as Start-ComfyEmulator takes it.</summary>
    internal static string? Grammar(PlannedFault fault)
    {
        string? what = fault.Kind switch
        {
            FaultKind.TooManyForSeconds => string.Create(CultureInfo.InvariantCulture, $"429 retry-after={fault.Seconds}"),
            FaultKind.TooManyUntilDate => string.Create(CultureInfo.InvariantCulture, $"429 retry-date={fault.Seconds}"),
            FaultKind.NoCredit => "402",
            FaultKind.Unavailable => "503",
            FaultKind.ServerError => "500",
            FaultKind.Vanished => $"404 body={ScenarioDeployments.IdOf(fault.Deployment!)}",
            FaultKind.ResetBefore => "reset",
            FaultKind.ResetInAnswer => "cut",
            FaultKind.ResetAfter => "lost",
            FaultKind.Truncated => "truncate",
            FaultKind.WrongTypes => "wrongtypes",
            _ => null,
        };
        string times = fault.Kind is FaultKind.NoCredit or FaultKind.Vanished ? "always" : $"x{fault.Times}";
        return what is null || Path(fault.Route) is not { } path ? null : string.Create(CultureInfo.InvariantCulture, $"{path} = {what} after={fault.At - 1} {times}");
    }

    private static string? Path(ServiceRoute route) => route switch
    {
        ServiceRoute.Create => "POST /run/deployment/queue",
        ServiceRoute.Cancel => "POST /run/*/cancel",
        ServiceRoute.ReadRun => "GET /run/*",
        ServiceRoute.ListRuns => "GET /v2/workflow/*",
        ServiceRoute.OwnRuns => "GET /deployment/*/runs",
        ServiceRoute.RawRuns => "GET /workflow/*",
        ServiceRoute.Log => "GET /v2/clickhouse-run-logs/*",
        ServiceRoute.Upload => "POST /file/upload",
        ServiceRoute.Doorbell => "GET /v2/stream-progress",
        ServiceRoute.Storage => "GET /outputs/*",
        _ => null,
    };
}

/// <summary>Real time, multiplied.</summary>
internal sealed class FastClock(ComfyEmulator emulator) : IClock
{
    public DateTime Now => emulator.Now;

    public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken) => Task.Delay(time / emulator.Speed, cancellationToken);

    // A request takes real time however fast the clock runs.
    public void CancelAfter(CancellationTokenSource source, TimeSpan time) => source.CancelAfter(time);

    public double Jitter() => Random.Shared.NextDouble();

    public void Wait(WaitHandle[] handles, TimeSpan time) => WaitHandle.WaitAny(handles, time / emulator.Speed);
}
