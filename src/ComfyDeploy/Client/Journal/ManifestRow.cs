namespace ComfyDeploy.Client;

/// <summary>
/// A row of a manifest. A batch may have 100,000: it keeps what decides what happens next, and where in the file the rest is.
/// </summary>
internal sealed class ManifestRow(Manifest manifest, string key, long offset)
{
    private long[] _saved = [];

    internal string Key => key;

    internal RowState State { get; private set; }

    /// <summary>The number of the row in the call that recorded it first.</summary>
    internal int Number { get; private set; }

    /// <summary>Where it appears first.</summary>
    internal long Offset => offset;

    /// <summary>Its run of the last attempt; null before that is known.</summary>
    internal string? RunId { get; private set; }

    /// <summary>The status in which its run ended.</summary>
    internal string? Status { get; private set; }

    /// <summary>How many runs were queued for it.</summary>
    internal int Attempts { get; private set; }

    /// <summary>Whether -StopOnTimeout was about to cancel its run.</summary>
    internal bool IsStopping { get; private set; }

    /// <summary>Whether it is never paid for again: its run has ended, except by -StopOnTimeout.</summary>
    internal bool IsDone => State == RowState.Ended && !(IsStopping && Status == RunStatus.Cancelled);

    /// <summary>The line with what was to be queued.</summary>
    internal long IntentOffset { get; private set; }

    /// <summary>The line with how its run ended; 0 before that.</summary>
    internal long EndOffset { get; private set; }

    /// <summary>The lines with the files of its run.</summary>
    internal IReadOnlyList<long> SavedOffsets => _saved;

    /// <summary>The files of its run, the last for each output.</summary>
    internal IReadOnlyList<SavedFile> Saved => manifest.ReadSaved(this);

    /// <summary>The run as the manifest knows it: without a request, and without outputs.</summary>
    internal ComfyRun ToRun(ComfyConnection connection) => manifest.ReadRun(this, connection);

    /// <summary>What an unanswered create was to queue.</summary>
    internal OpenIntent ToOpenIntent() => manifest.ReadIntent(this);

    /// <summary>Takes in a line of the file.</summary>
    internal void Apply(in ManifestEvent line)
    {
        switch (line.Kind)
        {
            case ManifestEventKind.Intent:
                if (Attempts == 0) Number = line.Row;
                Attempts++;
                (State, IntentOffset) = (RowState.Intended, line.Offset);
                Forget();
                break;
            case ManifestEventKind.Queued:
                Forget();
                (State, RunId) = (RowState.Queued, line.RunId);
                break;
            case ManifestEventKind.Refused:
                State = RowState.Refused;
                break;
            // What is written late may be about a run of an earlier attempt.
            case ManifestEventKind.Stopping when IsOwn(line):
                IsStopping = true;
                break;
            case ManifestEventKind.Ended when IsOwn(line):
                (State, Status, EndOffset) = (RowState.Ended, line.Status, line.Offset);
                break;
            case ManifestEventKind.Saved when IsOwn(line):
                _saved = [.. _saved, line.Offset];
                break;
        }
    }

    private bool IsOwn(in ManifestEvent line) => string.Equals(line.RunId, RunId, StringComparison.OrdinalIgnoreCase);

    private void Forget()
    {
        (RunId, Status, EndOffset, IsStopping) = (null, null, 0, false);
        _saved = [];
    }
}
