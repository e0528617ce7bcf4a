using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Runs;

/// <summary>One run as it is stored: what it was given, and when it reaches each state.</summary>
internal sealed class Run
{
    public required Guid Id { get; init; }

    public required SeedDeployment? Deployment { get; init; }

    public required SeedWorkflow Workflow { get; init; }

    public required Guid? VersionId { get; init; }

    /// <summary>The model of a run that has no workflow.</summary>
    public string? ModelId { get; init; }

    public required SeedMachine Machine { get; init; }

    public required string UserId { get; init; }

    public required string? OrgId { get; init; }

    public required DateTime CreatedAt { get; init; }

    public required JsonObject Inputs { get; init; }

    public required RunScript Script { get; init; }

    public string Origin { get; init; } = "api";

    public string? Gpu { get; init; }

    public string? Webhook { get; init; }

    public bool WebhookIntermediateStatus { get; init; }

    public Guid? BatchId { get; init; }

    public string? CallId { get; init; }

    public Guid GpuEventId { get; init; }

    /// <summary>The classes of its nodes, in the order they execute.</summary>
    public required IReadOnlyList<string> Nodes { get; init; }

    /// <summary>When a container picks it up; null until then.</summary>
    public DateTime? QueuedAt { get; private set; }

    public DateTime? StartedAt { get; private set; }

    public DateTime? RunningAt { get; private set; }

    /// <summary>When it ends, possibly in the future; null when it never does or is not picked up yet.</summary>
    public DateTime? EndsAt { get; private set; }

    /// <summary>The status it ends with.</summary>
    public string EndStatus { get; private set; } = "success";

    /// <summary>Whether a cancel ended it: the service publishes that without a status.</summary>
    public bool CancelledByRequest { get; private set; }

    /// <summary>A status set by hand, which never changes again.</summary>
    public string? ForcedStatus { get; private set; }

    public DateTime? ForcedAt { get; private set; }

    public bool ForcedEnded { get; private set; }

    public List<OutputRow> Outputs { get; } = [];

    /// <summary>Whether its status was set by hand: it waits for nothing and uses no slot of its machine.</summary>
    public bool Frozen => ForcedStatus is not null;

    /// <summary>A container picks it up: the rest of its schedule is now known.</summary>
    public void Take(DateTime at)
    {
        bool serverless = Machine.Type != "classic";
        DateTime started = at + Script.ColdStart;
        if (serverless)
        {
            QueuedAt = at;
            if (Script.StuckAt is "queued") return;
            StartedAt = started;
        }

        if (Script.StuckAt is "started") return;
        if (Script.Outcome == "failearly")
        {
            EndsAt = started + TimeSpan.FromMilliseconds(21);
            EndStatus = "failed";
            return;
        }

        RunningAt = started + TimeSpan.FromTicks(Math.Min(Script.Execution.Ticks / 20, TimeSpan.FromMilliseconds(120).Ticks));
        if (Script.StuckAt is "running" or "archived") return;
        (double share, EndStatus) = Script.Outcome switch
        {
            "fail" => (0.3, "failed"),
            "cancelled" => (0.5, "cancelled"),
            "timeout" => (1, "timeout"),
            _ => (1, "success"),
        };
        EndsAt = started + TimeSpan.FromTicks((long)(Script.Execution.Ticks * share));
    }

    /// <summary>Ends it now and removes everything scheduled.</summary>
    public void Cancel(DateTime at)
    {
        if (QueuedAt > at) QueuedAt = null;
        if (StartedAt > at) StartedAt = null;
        if (RunningAt > at) RunningAt = null;
        EndsAt = at;
        EndStatus = "cancelled";
        CancelledByRequest = true;
        Outputs.RemoveAll(output => output.CreatedAt > at);
    }

    public void Force(string status, DateTime at, bool ended) => (ForcedStatus, ForcedAt, ForcedEnded) = (status, at, ended);
}
