using System.Text.Json.Nodes;
using ComfyDeploy.Emulator.Runs;
using ComfyDeploy.Emulator.Seed;

namespace ComfyDeploy.Emulator.Service;

/// <summary>Everything the emulated service holds. Not thread-safe: callers must hold <see cref="Gate"/>.</summary>
internal sealed class Account
{
    private readonly List<Run> _runs = [];
    private readonly Dictionary<Guid, Run> _runsById = [];
    private readonly Dictionary<string, OutputFile> _files = new(StringComparer.Ordinal);
    private readonly EmulatorClock _clock;
    private readonly Random _random;
    private readonly Scheduler _scheduler;

    public Account(EmulatorSeed seed, EmulatorClock clock, int randomSeed)
    {
        Seed = seed;
        _clock = clock;
        _random = new Random(randomSeed);
        Ids = new IdSource(_random);
        OutputWriter writer = new(Ids);
        _scheduler = new Scheduler(run =>
        {
            writer.Write(run);
            foreach (OutputFile file in run.Outputs.SelectMany(output => output.Files)) AddFile(file);
        });
        DateTime now = clock.Now;
        SeedDefaults.Fill(seed, now);
        foreach (SeedRun run in seed.Runs.OrderBy(r => r.CreatedAt ?? now.AddSeconds(-r.SecondsAgo))) AddPast(run, now);
    }

    public object Gate { get; } = new();

    public EmulatorSeed Seed { get; }

    public IdSource Ids { get; }

    /// <summary>The time. All that has happened by then is settled first, so that a run that has ended by it has its outputs.</summary>
    public DateTime Now
    {
        get
        {
            lock (Gate)
            {
                DateTime now = _clock.Now;
                _scheduler.Settle(now);
                return now;
            }
        }
    }

    /// <summary>All runs, oldest first.</summary>
    public IReadOnlyList<Run> Runs => _runs;

    public Run? FindRun(Guid id) => _runsById.TryGetValue(id, out Run? run) ? run : null;

    public OutputFile? FindFile(string path) => _files.TryGetValue(path, out OutputFile? file) ? file : null;

    public void AddFile(OutputFile file) => _files[file.Path] = file;

    public SeedDeployment? FindDeployment(Guid id) => Seed.Deployments.Find(d => d.Id == id && !d.Deleted);

    public SeedWorkflow WorkflowOf(SeedDeployment deployment) => Seed.Workflows.Find(w => w.Id == deployment.WorkflowId)!;

    public SeedMachine MachineOf(SeedDeployment deployment) => Seed.Machines.Find(m => m.Id == deployment.MachineId)!;

    public static SeedVersion? VersionOf(SeedWorkflow workflow, int? number) =>
        number is int n ? workflow.Versions.Find(v => v.Version == n) : workflow.Versions.OrderByDescending(v => v.Version).FirstOrDefault();

    /// <summary>Stores a new run and schedules it on its machine.</summary>
    public Run AddRun(NewRun newRun)
    {
        DateTime now = Now;
        JsonObject inputs = JsonbOrder.Sort(newRun.Inputs);
        RunScript script = newRun.ModelId is null ? RunScript.Read(inputs, newRun.Deployment, _random) : RunScript.Refused();
        bool serverless = newRun.Machine.Type != "classic";
        string callId = Ids.NextCallId();
        Run run = new()
        {
            Id = newRun.Id ?? Ids.NextGuid(),
            Deployment = newRun.Deployment,
            Workflow = newRun.Workflow,
            VersionId = newRun.Deployment is null ? newRun.VersionId : VersionOf(newRun.Workflow, newRun.Deployment.Version)?.Id,
            ModelId = newRun.ModelId,
            Machine = newRun.Machine,
            UserId = newRun.Caller.UserId,
            OrgId = newRun.Caller.OrgId,
            CreatedAt = Stamp(newRun.CreatedAt ?? now, script),
            Inputs = inputs,
            Script = script,
            Origin = newRun.Origin,
            Gpu = newRun.Deployment?.Gpu ?? newRun.Gpu ?? newRun.Machine.Gpu,
            Webhook = newRun.Webhook,
            WebhookIntermediateStatus = newRun.WebhookIntermediateStatus,
            BatchId = newRun.BatchId,
            CallId = serverless && script.HasCallId && !script.RefusedAtCreate ? callId : null,
            GpuEventId = Ids.NextGuid(),
            Nodes = Graph.Classes(newRun.WorkflowApi ?? newRun.Workflow.WorkflowApi!),
        };
        _runs.Add(run);
        _runsById[run.Id] = run;
        _scheduler.Add(run);
        return run;
    }

    /// <summary>Ends a run that has not ended yet.</summary>
    public void Cancel(Run run)
    {
        DateTime now = Now;
        if (run.Frozen || run.EndsAt <= now) return;
        run.Cancel(now);
        _scheduler.Remove(run, now);
    }

    /// <summary>Sets a status that never changes again.</summary>
    public void Force(Run run, string status, bool ended)
    {
        DateTime now = Now;
        run.Force(status, now, ended);
        _scheduler.Remove(run, now);
    }

    private void AddPast(SeedRun past, DateTime now)
    {
        SeedDeployment deployment = Seed.Deployments.Find(d => d.Id == past.DeploymentId)!;
        Run run = AddRun(new NewRun
        {
            Id = past.Id,
            Deployment = deployment,
            Workflow = WorkflowOf(deployment),
            Machine = MachineOf(deployment),
            Caller = new Caller(past.UserId ?? deployment.UserId!, past.UserId is null ? deployment.OrgId : past.OrgId),
            Inputs = past.Inputs,
            CreatedAt = past.CreatedAt?.ToUniversalTime() ?? now.AddSeconds(-past.SecondsAgo),
        });
        if (past.Status is string status) Force(run, status, ended: status is "success" or "failed" or "timeout" or "cancelled");
    }

    // A stored time without a fraction makes the service lose its seconds. There, this happens to one run in a million; here, it would
    // happen to every run when the clock is set to a whole second. So it happens only where a test asks for it.
    private static DateTime Stamp(DateTime time, RunScript script)
    {
        long fraction = time.Ticks % TimeSpan.TicksPerSecond;
        if (script.WholeSecond) return time.AddTicks(-fraction);
        return fraction == 0 ? time.AddTicks(TimeSpan.TicksPerMillisecond / 1000) : time;
    }
}
