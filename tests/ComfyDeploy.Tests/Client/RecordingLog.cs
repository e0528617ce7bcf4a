using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Client;

/// <summary>Records the client's messages.</summary>
internal sealed class RecordingLog : ICallLog
{
    private readonly List<(string Stream, string Text)> _lines = [];

    internal IReadOnlyList<string> Warnings => Of("Warning");

    internal IReadOnlyList<string> All
    {
        get
        {
            lock (_lines) return [.. _lines.Select(line => line.Text)];
        }
    }

    public void Warning(string message) => Add("Warning", message);

    public void Verbose(string message) => Add("Verbose", message);

    public void Debug(string message) => Add("Debug", message);

    internal IReadOnlyList<string> Of(string stream)
    {
        lock (_lines) return [.. _lines.Where(line => line.Stream == stream).Select(line => line.Text)];
    }

    private void Add(string stream, string text)
    {
        lock (_lines) _lines.Add((stream, text));
    }
}
