using System.Text.RegularExpressions;
using ComfyDeploy.Emulator.Http;

namespace ComfyDeploy.Emulator.Faults;

/// <summary>What a fault does to a matching request.</summary>
internal enum FaultKind
{
    Status,
    Latency,
    Hang,
    Stall,
    Reset,
    Lost,
    Late,
    Cut,
    Close,
    Truncate,
    WrongTypes,
    WrongLength,
    Redirect,
    Drip,
}

/// <summary>One planned fault: which requests it affects, how, and how often.</summary>
internal sealed class Fault
{
    private int _seen;

    public required string Method { get; init; }

    public required Regex Path { get; init; }

    public required FaultKind Kind { get; init; }

    /// <summary>The status of a <see cref="FaultKind.Status"/>, the bytes per second of a <see cref="FaultKind.Drip"/>.</summary>
    public int Number { get; init; }

    /// <summary>The delay of a <see cref="FaultKind.Latency"/> in real time, of a <see cref="FaultKind.Late"/> by the emulator's clock.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Where a <see cref="FaultKind.Redirect"/> leads.</summary>
    public string Target { get; init; } = "";

    public int? RetryAfterSeconds { get; init; }

    /// <summary>Retry-After is written as an HTTP date.</summary>
    public bool RetryAfterAsDate { get; init; }

    /// <summary>The request is executed although its response is an error.</summary>
    public bool Executed { get; init; }

    /// <summary>The number of matching requests that pass unaffected first.</summary>
    public int After { get; init; }

    /// <summary>The number of matching requests that are affected; null means all.</summary>
    public int? Times { get; init; } = 1;

    /// <summary>A text that the body of an affected request contains; empty for any body.</summary>
    public string Body { get; init; } = "";

    /// <summary>Whether this request is affected; counts it.</summary>
    public bool Affects(HttpRequest request, string path)
    {
        if (Method != "*" && Method != request.Method) return false;
        if (Body.Length > 0 && request.BodyText.IndexOf(Body, StringComparison.Ordinal) < 0) return false;
        if (!Path.IsMatch(path) || (Times is int times && _seen >= After + times)) return false;
        _seen++;
        return _seen > After;
    }
}
