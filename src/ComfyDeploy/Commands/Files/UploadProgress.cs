using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>A bar over all files of a call, on a console.</summary>
internal sealed class UploadProgress(ComfyDeployCommand cmdlet, IClock clock)
{
    private const double Megabyte = 1024 * 1024;
    private static readonly TimeSpan SilentTime = TimeSpan.FromSeconds(1);
    private static int _lastActivity = 9_300;

    private readonly int _activity = Interlocked.Increment(ref _lastActivity);
    private readonly DateTime _began = clock.Now;
    private long _total;
    private long _sent;
    private int _files;
    private int _finished;
    private bool _shown;

    /// <summary>Counts a file in.</summary>
    /// <returns>Receives the bytes of the file that are sent so far, from any thread.</returns>
    internal Action<long> Add(long length)
    {
        _files++;
        _total += length;
        long before = 0;
        return sent => Interlocked.Add(ref _sent, sent - Interlocked.Exchange(ref before, sent));
    }

    /// <summary>Counts a file as uploaded; called on any thread.</summary>
    internal void Finish() => Interlocked.Increment(ref _finished);

    /// <summary>Shows the current state, and nothing for a short time.</summary>
    internal void Update()
    {
        if (clock.Now - _began < SilentTime || Console.IsOutputRedirected || cmdlet.Preferences.EndPipeline("Progress")) return;
        cmdlet.WriteProgress(Bar());
        _shown = true;
    }

    internal void Complete()
    {
        if (!_shown) return;
        cmdlet.WriteProgress(new(_activity, "Uploading", "Done") { RecordType = ProgressRecordType.Completed });
    }

    internal ProgressRecord Bar()
    {
        // A failed file leaves its bytes uncounted.
        long sent = Interlocked.Read(ref _sent);
        string size = string.Format(CultureInfo.InvariantCulture, "{0:0.0} of {1:0.0} MB", sent / Megabyte, _total / Megabyte);
        return new(_activity, $"Uploading {Plural.Of(_files, "file")}", $"{_finished}/{_files} · {size}")
        {
            PercentComplete = _total == 0 ? 0 : (int)(sent * 100 / _total),
        };
    }
}
