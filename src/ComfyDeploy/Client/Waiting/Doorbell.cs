using System.Text;
using System.Text.Json;

namespace ComfyDeploy.Client;

/// <summary>
/// The stream in which the service announces changes of a workflow's runs. It relays other runs, stays silent, ends early and may be wrong:
/// it only makes a look happen sooner. Whatever goes wrong with it is no error.
/// </summary>
internal sealed class Doorbell(ApiSession session, WorkflowPoll poll, Action closed, ICallLog log) : IDisposable
{
    private const int MaxFrame = 16 * 1024;
    private const int MaxFramesPerSecond = 5_000;
    private const int MaxFalseEnds = 3;
    private static readonly TimeSpan MinPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MaxPause = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _closed = new();
    private long _openedAt;
    private int _confirmed;
    private int _missed;
    private int _falseEnds;
    private int _frames;
    private DateTime _second;

    /// <summary>Whether it has announced changes that were seen later, and has missed none.</summary>
    internal bool IsTrusted => OpenedAt is not null && _confirmed > 0 && _missed == 0;

    /// <summary>Since when it has been listening, UTC.</summary>
    private DateTime? OpenedAt
    {
        get => Volatile.Read(ref _openedAt) is > 0 and var ticks ? new(ticks, DateTimeKind.Utc) : null;
        set => Volatile.Write(ref _openedAt, value?.Ticks ?? 0);
    }

    /// <summary>Listens until it is disposed, or the service has no such stream.</summary>
    internal void Open() => _ = ListenAsync(_closed.Token);

    public void Dispose() => _closed.Cancel();

    /// <summary>A run has changed since it was looked at last.</summary>
    internal void JudgeChange(bool isAnnounced, DateTime lookedAt)
    {
        if (!(OpenedAt <= lookedAt)) return;
        if (isAnnounced) _confirmed++;
        else _missed++;
    }

    /// <summary>A run was read whose end was announced.</summary>
    internal void JudgeEnd(bool isFinished)
    {
        _falseEnds = isFinished ? 0 : _falseEnds + 1;
        if (_falseEnds >= MaxFalseEnds) Dispose();
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        TimeSpan pause = MinPause;
        try
        {
            while (await ListenOnceAsync(cancellationToken).ConfigureAwait(false) is { } listened)
            {
                if (listened > MaxPause) pause = MinPause;
                await Task.WhenAny(session.Clock.DelayAsync(pause, cancellationToken)).ConfigureAwait(false);
                pause = pause + pause < MaxPause ? pause + pause : MaxPause;
            }
        }
        finally
        {
            closed();
        }
    }

    /// <returns>How long a stream lasted; null when there shall be no other.</returns>
    private async Task<TimeSpan?> ListenOnceAsync(CancellationToken cancellationToken)
    {
        DateTime began = session.Clock.Now;
        Task<bool> stream = ReadAsync(cancellationToken);
        await Task.WhenAny(stream).ConfigureAwait(false);
        bool hadRung = _confirmed > 0;
        OpenedAt = null;
        // What one stream announced says nothing about the next.
        _confirmed = _missed = 0;
        if (hadRung) poll.Disconnect();
        bool isRefused = stream.Status == TaskStatus.RanToCompletion && !await stream.ConfigureAwait(false);
        return isRefused || cancellationToken.IsCancellationRequested ? null : session.Clock.Now - began;
    }

    /// <returns>False when there is nothing to listen to.</returns>
    private async Task<bool> ReadAsync(CancellationToken cancellationToken)
    {
        Uri path = new($"/v2/stream-progress?workflow_id={Uri.EscapeDataString(poll.WorkflowId)}", UriKind.Relative);
        using HttpRequestMessage request = new(HttpMethod.Get, path);
        using HttpResponseMessage response = await session.SendAsync(request, log, cancellationToken).ConfigureAwait(false);
        if ((int)response.StatusCode is (>= 400 and < 500) or 501) return false;
        if (!response.IsSuccessStatusCode) return true;
        if (response.Content.Headers.ContentType?.MediaType != "text/event-stream") return false;
        using CancellationTokenRegistration abort = cancellationToken.Register(response.Dispose);
        using Stream stream = await response.Content.ReadAsStreamAsync().ConfigureAwait(false);
        OpenedAt = session.Clock.Now;
        byte[] buffer = new byte[4096];
        StringBuilder frame = new();
        Decoder decoder = Encoding.UTF8.GetDecoder();
        char[] text = new char[Encoding.UTF8.GetMaxCharCount(buffer.Length)];
        while (await stream.ReadAsync(buffer, 0, buffer.Length, cancellationToken).ConfigureAwait(false) is > 0 and var count)
        {
            int length = decoder.GetChars(buffer, 0, count, text, 0);
            for (int i = 0; i < length; i++)
            {
                if (text[i] is not ('\n' or '\r')) frame.Append(text[i]);
                else if (!TakeLine(frame)) return false;
                if (frame.Length > MaxFrame) return false;
            }
        }
        return true;
    }

    /// <returns>False when more comes in than anyone can use.</returns>
    private bool TakeLine(StringBuilder line)
    {
        string text = line.ToString();
        line.Clear();
        if (text.Length == 0) return true;
        if (session.Clock.Now - _second >= TimeSpan.FromSeconds(1)) (_second, _frames) = (session.Clock.Now, 0);
        if (++_frames > MaxFramesPerSecond) return false;
        const string Data = "data:";
        if (text.StartsWith(Data, StringComparison.Ordinal)) Take(text.Substring(Data.Length));
        return true;
    }

    private void Take(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Text(root, "run_id") is not { } runId) return;
            poll.Announce(runId, Text(root, "status"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Nothing that can be read.
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
