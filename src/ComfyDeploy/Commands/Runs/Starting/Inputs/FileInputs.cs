using System.Text.Json;
using ComfyDeploy.Client;
using ComfyDeploy.Text;

namespace ComfyDeploy.Commands;

/// <summary>
/// Files of this machine among the inputs of runs: found before a run is queued, uploaded, and replaced by their links. An input that takes
/// a file is known by the node behind it, since the service calls its type a string; any other text than a link fails the run after it is
/// billed.
/// </summary>
/// <param name="fullPath">The full path for a text; null when the text is not a path.</param>
/// <param name="isChecked">Whether a text that is neither a link nor a file is refused.</param>
/// <param name="timeout">The timeout of the call, for messages; zero when it does not bound uploads.</param>
/// <param name="log">Receives the warning about links that expire.</param>
internal sealed class FileInputs(Func<string, string?> fullPath, bool isChecked, TimeSpan timeout, ICallLog log)
{
    // A longer text is data, and takes long to be resolved as a path.
    private const int MaxPath = 32_767;

    private readonly UploadProgress _progress = new();
    private int _uploading;
    private int _warned;

    /// <summary>Puts files in the place of their paths. To be called on the pipeline thread: a path is relative to $PWD.</summary>
    /// <exception cref="ComfyDeployException">FileNotFound, FileTypeNotSupported, FileTooLarge.</exception>
    internal void Find(InputSet inputs, IReadOnlyList<ComfyDeploymentInput> definitions)
    {
        foreach (ComfyDeploymentInput definition in definitions.Where(IsFileInput))
        {
            inputs.Replace(definition.Name, value => Form(definition, Find(definition.Name, value)));
        }
        // Those of an input that is not known to take files are uploaded too.
        foreach ((string name, FileInfo file) in inputs.NamedFiles) Checked(name, file);
    }

    /// <summary>Counts in the files that a run will upload.</summary>
    /// <returns>For each, what receives the number of bytes that are sent.</returns>
    internal IReadOnlyList<Action<long>> Announce(InputSet inputs) => [.. inputs.Files.Select(file => _progress.Add(file.Length))];

    /// <summary>The uploads under way, as a line below a bar; null without any.</summary>
    internal ProgressLine? Line => Volatile.Read(ref _uploading) > 0 ? _progress.Line() : null;

    /// <summary>Uploads the files.</summary>
    /// <param name="inputs">The inputs of one run.</param>
    /// <param name="progress">What receives the bytes of each file.</param>
    /// <param name="client">The account.</param>
    /// <param name="endsAt">The end of the caller's timeout, UTC.</param>
    /// <param name="closed">Canceled when the pipeline ends.</param>
    /// <param name="cancellationToken">Canceled by Ctrl+C.</param>
    /// <returns>The inputs with links in the place of files.</returns>
    /// <exception cref="ComfyDeployException">A file cannot be uploaded, or the time is up.</exception>
    internal async Task<InputSet> UploadAsync(
        InputSet inputs, IReadOnlyList<Action<long>> progress, ComfyDeployClient client, DateTime? endsAt, CancellationToken closed,
        CancellationToken cancellationToken)
    {
        if (!inputs.Files.Any()) return inputs;
        Dictionary<string, string> links = [];
        // A run whose file is still being sent when the pipeline ends is not paid for yet.
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, closed);
        using ClockLimit? limit = endsAt is { } end && timeout > TimeSpan.Zero
            ? new(client.Session.Clock, Left(end - client.Session.Clock.Now), ending.Token) : null;
        Interlocked.Increment(ref _uploading);
        try
        {
            foreach ((FileInfo file, Action<long> report) in inputs.Files.Zip(progress, (file, report) => (file, report)))
            {
                ComfyFile uploaded = await client.UploadAsync(file.FullName, report, limit?.Token ?? ending.Token)
                    .ConfigureAwait(false);
                _progress.Finish();
                CheckUnchanged(file);
                links[file.FullName] = uploaded.Url.OriginalString;
                WarnOfExpiry(uploaded);
            }
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            throw Errors.QueuedTooLate(timeout);
        }
        finally
        {
            Interlocked.Decrement(ref _uploading);
        }
        ending.Token.ThrowIfCancellationRequested();
        return inputs.WithLinks(links);
    }

    private static bool IsFileInput(ComfyDeploymentInput definition) => definition.InputKind.Form == InputForm.File;

    /// <summary>A batch is a list, also of one file.</summary>
    private static object? Form(ComfyDeploymentInput definition, object? value) =>
        definition.InputKind.IsBatch && (value is FileInfo || (value is string text && IsLink(text))) ? (object?[])[value] : value;

    /// <summary>A file that the next row has overwritten meanwhile is another row's.</summary>
    private static void CheckUnchanged(FileInfo file)
    {
        FileInfo now = new(file.FullName);
        if (now.Exists && (now.LastWriteTimeUtc != file.LastWriteTimeUtc || now.Length != file.Length))
            throw Errors.FileChanged(file.FullName);
    }

    private static TimeSpan Left(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.Zero;

    private object? Find(string name, object? value) => value switch
    {
        string text when IsList(text) => FindAll(name, text),
        string text when string.IsNullOrWhiteSpace(text) => text,
        string text => IsLink(text) ? text.Trim() : FileOf(name, text) ?? (object)text,
        object?[] several => several.Select(item => Find(name, item)).ToArray(),
        FileInfo file => Checked(name, file),
        _ => value,
    };

    /// <summary>A batch of images may come as a JSON list, which stays as it is unless it names files.</summary>
    private object FindAll(string name, string text)
    {
        try
        {
            object? found = Find(name, FreeJson.Read(ValidJson.Of(text)));
            return found is object?[] several && several.Any(item => item is FileInfo) ? several : text;
        }
        catch (JsonException)
        {
            return FileOf(name, text) ?? (object)text;
        }
    }

    /// <summary>What the service would refuse is refused before anything is sent.</summary>
    private static FileInfo Checked(string name, FileInfo file)
    {
        try
        {
            UploadRules.Check(file.FullName);
            // What it is now, to see later whether it has changed.
            file.Refresh();
            return file;
        }
        catch (ComfyDeployException e)
        {
            throw new ComfyDeployException(e.ErrorId, $"Input '{name}': {e.Message}", e);
        }
    }

    private FileInfo? FileOf(string name, string path)
    {
        if (path.Length <= MaxPath && fullPath(path.Trim()) is { } full && File.Exists(full)) return Checked(name, new(full));
        if (!isChecked) return null;
        throw new ComfyDeployException(ErrorIds.FileNotFound,
            $"Input '{name}' takes a file, or its link (https://… or data:…), and there is no file '{SafeText.Clean(path, 100)}'.");
    }

    private static bool IsList(string text) => text.TrimStart() is ['[', ..];

    private static bool IsLink(string text) =>
        text.TrimStart().StartsWith("data:", StringComparison.OrdinalIgnoreCase)
        || (Uri.TryCreate(text.Trim(), UriKind.Absolute, out Uri? link) && link.Scheme is "http" or "https");

    private void WarnOfExpiry(ComfyFile file)
    {
        if (file.ExpiresAt is { } time && Interlocked.Exchange(ref _warned, 1) == 0) log.Warning(FileSender.ExpiryWarning(time));
    }
}
