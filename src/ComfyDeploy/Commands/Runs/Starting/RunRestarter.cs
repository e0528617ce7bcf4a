using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>Starts again what Restart-ComfyRun receives: runs, which are read where they are not known, and rows never queued.</summary>
internal sealed class RunRestarter
{
    private readonly RestartComfyRunCommand _cmdlet;
    private readonly RunStarter _starter;
    private readonly RestartInputs _inputs;
    private readonly RestartTemplates _templates;
    private readonly RunBatch<RunReadResult> _runs;
    private readonly HashSet<ComfyRun> _notQueued = [];
    private readonly List<StartedRow> _refused = [];
    private int _row;

    /// <exception cref="ComfyDeployException">InvalidInput: -InputOverride cannot be used.</exception>
    internal RunRestarter(RestartComfyRunCommand cmdlet, RunStarter starter)
    {
        (_cmdlet, _starter) = (cmdlet, starter);
        _inputs = new(cmdlet.InputOverride);
        _templates = new(cmdlet);
        _runs = new(cmdlet, run => cancellationToken => ReadAsync(run, cancellationToken), Restart)
        {
            NotQueued = RestartRow,
            // Two attempts of the same row of a manifest are restarted once.
            Key = run => cmdlet.ManifestPath is not null && run.Origin?.Entry is { } entry ? entry : (run.Client.Session, run.RunId),
        };
    }

    internal void Add(IEnumerable<ComfyReference> runs) => _runs.Add(runs);

    /// <summary>Starts the runs that are still being read.</summary>
    internal void Drain() => _runs.Drain();

    /// <summary>Reports a run that was not started: while none is started, this may become an error.</summary>
    internal void Report(StartedRow refused)
    {
        if (_starter.IsAnyQueued) _cmdlet.Log.Warning(refused.Refusal);
        else _refused.Add(refused);
    }

    /// <summary>
    /// Reports the runs that were refused before one was started: as errors, one of each kind, when none was started at all.
    /// </summary>
    internal void ReportRefused()
    {
        if (_starter.IsAnyQueued)
        {
            foreach (StartedRow refused in _refused) _cmdlet.Log.Warning(refused.Refusal);
            return;
        }
        foreach (StartedRow[] same in _refused.GroupBy(refused => refused.Run.Error).Select(same => same.ToArray()))
        {
            string message = same.Length == 1
                ? same[0].Refusal : $"{Plural.Of(same.Length, "run")} were not restarted: {same[0].Run.Error}";
            object target = same.Length == 1 ? same[0].Run : same.Select(refused => refused.Run).ToArray();
            _cmdlet.Defer(new(same[0].Error!.ErrorId, message, same[0].Error), target);
        }
    }

    /// <summary>The run with its inputs: as it was received where it has them, otherwise as the service returns it.</summary>
    private Task<RunReadResult> ReadAsync(RequestedRun request, CancellationToken cancellationToken)
    {
        ComfyRun? given = request.Reference.Object<ComfyRun>() ?? request.Reference.Object<ComfyRunOutput>()?.Run;
        // A manifest has only the hash of a long input, and gives it to snapshots that are read without inputs.
        bool isKnown = given is { IsDetailed: true }
            || (given is { IsRecorded: false, InputsJson: { } json } && !RecordedInputs.MayBeHashed(json) && _templates.IsKnown(given));
        // After what refuses all runs, nothing more is read.
        if (!isKnown && _starter.RefusalOf(request.Client.Session) is null) return ReadAsync(request, given, cancellationToken);
        if (given is null)
        {
            given = new() { RunId = request.RunId, Connection = request.Client.Session.Connection };
            given.CarryOver(request.Origin);
        }
        return Task.FromResult(new RunReadResult(request.RunId, given, null, request.Client));
    }

    /// <summary>What is paid for again must be what was paid for: a manifest tells whether an answer has the inputs of the run.</summary>
    private static async Task<RunReadResult> ReadAsync(RequestedRun request, ComfyRun? given, CancellationToken cancellationToken)
    {
        RunReadResult read = await request.ReadAsync(cancellationToken).ConfigureAwait(false);
        bool isOther = given is { IsRecorded: true, InputsJson: { } recorded } && read.Run is { } run
            && !InputComparison.AreSame(recorded, run.InputsJson);
        return isOther ? read with { Run = null, Error = Errors.OtherInputs(request.RunId) } : read;
    }

    private void Restart(IReadOnlyList<RunReadResult> reads)
    {
        foreach (RunReadResult read in reads)
        {
            if (read.Run is { } run) Restart(run, read.Client);
            else _starter.RefuseOne(read.Error!, read.RunId);
        }
    }

    private void RestartRow(ComfyRun row)
    {
        if (!_notQueued.Add(row)) return;
        if (row.IsUnconfirmed) _cmdlet.Log.Warning($"This row may have been queued before, and is queued again. {row.Error}");
        Restart(row, _cmdlet.ClientOf(row.Connection));
    }

    private void Restart(ComfyRun run, ComfyDeployClient client)
    {
        _row++;
        RunTemplate? template = null;
        InputSet? inputs = null;
        try
        {
            if (_starter.RefusalOf(client.Session) is { } refusal)
            {
                _starter.PassOn(Refused(refusal), _row, refusal);
            }
            else
            {
                inputs = _inputs.Of(run);
                template = _templates.Find(run, client);
                if (!_cmdlet.SkipInputCheck) _inputs.Check(inputs, template.Subject, client.Session.ServiceNow.ToLocalTime());
                _starter.Check(template.Subject, inputs, areRows: false);
                _starter.Queue(template, inputs, run.Label, _row, copies: 1);
            }
        }
        catch (ComfyDeployException e)
        {
            _starter.Refuse(Refused(e), _row, e, template);
        }
        _starter.WriteRows(all: false);

        ComfyRun Refused(ComfyDeployException error)
        {
            string json = inputs?.ToJson() ?? run.InputsJson ?? "{}";
            ComfyRun refused = template?.NotQueued(error, json, run.Label)
                ?? RunTemplate.NotQueued(run.DeploymentName, client.Session.Connection, error, json, run.Label);
            refused.CarryOver(RunOrigin.Of(run) with { RestartOf = run.RunId ?? run.RestartOf });
            return refused;
        }
    }
}
