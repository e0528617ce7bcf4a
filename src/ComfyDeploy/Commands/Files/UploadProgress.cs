using System.Globalization;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>How much of the files of a call is sent. The bytes come from any thread; all else is the pipeline thread's.</summary>
internal sealed class UploadProgress
{
    private const double Megabyte = 1024 * 1024;

    private long _total;
    private long _sent;
    private int _files;
    private int _finished;

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

    /// <summary>Shows the uploads as a bar of their own.</summary>
    /// <param name="bar">The bar.</param>
    /// <param name="isAll">Whether all files are counted in, so that the end can be estimated.</param>
    internal void ShowOn(ProgressBar bar, bool isAll)
    {
        // A failed file leaves its bytes uncounted.
        long sent = Interlocked.Read(ref _sent);
        bar.Show(Activity, ProgressBar.Percent(sent, _total),
            [(Count, 0), (Size(sent), 1), (isAll ? bar.Eta(sent, _total) : null, 2)]);
    }

    /// <summary>The uploads as a line below another bar.</summary>
    internal ProgressLine Line()
    {
        long sent = Interlocked.Read(ref _sent);
        return new(nameof(UploadProgress), Activity, $"{Count} · {Size(sent)}", ProgressBar.Percent(sent, _total));
    }

    private string Activity => $"Uploading {Plural.Of(_files, "file")}";

    private string Count => $"{Volatile.Read(ref _finished)}/{_files}";

    private string Size(long sent) =>
        string.Format(CultureInfo.InvariantCulture, "{0:0.0} of {1:0.0} MB", sent / Megabyte, _total / Megabyte);
}
