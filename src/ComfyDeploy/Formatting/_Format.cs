using System.ComponentModel;
using System.Globalization;
using System.Management.Automation;
using ComfyDeploy.Text;

namespace ComfyDeploy.Internal;

/// <summary>Methods that the format and types files call. They take PSObject, so that deserialized runs look the same.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class _Format
{
    // A century: more is not a time that a run can take.
    private const double MaxSeconds = 3.2e9;
    private const string Reset = "\u001b[0m";
    // Windows PowerShell does not remove colors from output that goes to a file.
    private static readonly bool SupportsColor = !DesktopAssemblyResolver.IsDesktop
        && Environment.GetEnvironmentVariable("NO_COLOR") is null;

    /// <summary>The first eight characters: only tables shorten an id.</summary>
    public static string ShortId(PSObject run) => Text(run, nameof(ComfyRun.RunId)) is { Length: > 8 } id ? id.Substring(0, 8)
        : Text(run, nameof(ComfyRun.RunId)) ?? string.Empty;

    /// <summary>A property value on one line, safe to write to a console.</summary>
    public static string Clean(object? value) => SafeText.Clean(value?.ToString());

    /// <summary>The same without a length limit.</summary>
    public static string CleanAll(object? value) => SafeText.Clean(value?.ToString(), int.MaxValue);

    /// <summary>The deployment of a run, or of what was done with a run, for a column of this width.</summary>
    public static string DeploymentName(PSObject run, int width) =>
        DeploymentNameText.Fit(Text(run, nameof(ComfyRun.DeploymentName)), width);

    /// <summary>The inputs as JSON, without signatures. An input can be a whole image, so the text is limited.</summary>
    public static string InputsText(PSObject run)
    {
        object? inputs = run.Properties[nameof(ComfyRun.Inputs)]?.Value;
        // Serialization keeps the inputs, but not their text.
        string? json = inputs is PSObject { BaseObject: PSCustomObject } values ? ToJsonText(values) : inputs?.ToString();
        return Clean(SafeText.HideSignatures(json ?? string.Empty));
    }

    /// <summary>The status, colored where the output supports color.</summary>
    public static string Status(PSObject run)
    {
        string status = Clean(Text(run, nameof(ComfyRun.Status)));
        string? color = status switch
        {
            "success" => "\u001b[32m",
            "failed" or "timeout" => "\u001b[31m",
            "cancelled" or "not-queued" => "\u001b[33m",
            "running" or "started" or "uploading" => "\u001b[36m",
            _ => null,
        };
        return color is null || !SupportsColor || Console.IsOutputRedirected ? status : color + status + Reset;
    }

    /// <summary>Such as <c>42%</c>; empty before the run starts, and when it has failed.</summary>
    public static string Done(PSObject run) =>
        Text(run, nameof(ComfyRun.Status)) is var status and not RunStatus.Failed
            && Number(run, nameof(ComfyRun.PercentComplete)) is { } percent && (percent > 0 || status is "running" or "started")
            ? string.Format(CultureInfo.InvariantCulture, "{0:0}%", percent)
            : string.Empty;

    /// <summary>The run time: so far while it runs, otherwise the total.</summary>
    public static string RunTimeText(PSObject run) => Span(RunTime(run));

    /// <summary>The time since the run was created.</summary>
    public static string AgeText(PSObject run) => Age(run) switch
    {
        null => string.Empty,
        { TotalMinutes: < 1 } age => $"{(int)age.TotalSeconds}s",
        { TotalHours: < 1 } age => $"{(int)age.TotalMinutes}m",
        { TotalDays: < 1 } age => $"{(int)age.TotalHours}h",
        { } age => $"{(int)age.TotalDays}d",
    };

    /// <summary>The most useful fact for the status: the error, the current step, the queue position, or the number of outputs.</summary>
    public static string Detail(PSObject run)
    {
        if (Text(run, nameof(ComfyRun.Error)) is { } error) return Clean(error);
        string? status = Text(run, nameof(ComfyRun.Status));
        if (status is "success")
        {
            return Number(run, nameof(ComfyRun.OutputCount)) is { } count and > 0 ? $"{count:0} output{(count == 1 ? string.Empty : "s")}"
                : string.Empty;
        }
        if (status is "not-started" or "queued" && Number(run, nameof(ComfyRun.QueuePosition)) is { } position)
        {
            return $"position {position:0}";
        }
        return status is "failed" or "timeout" or "cancelled" ? string.Empty : Clean(Text(run, nameof(ComfyRun.LiveStatus)));
    }

    /// <summary>The file name of an output, or the beginning of its text.</summary>
    public static string OutputDetail(PSObject output) =>
        Clean(ComfyRunOutput.DetailOf(Text(output, nameof(ComfyRunOutput.FileName)), Text(output, nameof(ComfyRunOutput.Text))));

    /// <summary>The run that produced an output.</summary>
    public static ComfyRun? RunOf(PSObject output) => (output.BaseObject as ComfyRunOutput)?.Run;

    /// <summary>From creation until a machine takes the run.</summary>
    public static TimeSpan? QueueTime(PSObject run) => Seconds(run, nameof(ComfyRun.QueueSeconds));

    /// <summary>From taking the run until ComfyUI is ready.</summary>
    public static TimeSpan? ColdStartTime(PSObject run) => Seconds(run, nameof(ComfyRun.ColdStartSeconds));

    /// <summary>From ComfyUI being ready until the end, or until now while the run is active.</summary>
    public static TimeSpan? RunTime(PSObject run)
    {
        if (Seconds(run, nameof(ComfyRun.RunSeconds)) is { } whole) return whole;
        return IsFinished(run) ? null : Since(run, nameof(ComfyRun.StartedAt));
    }

    /// <summary>From creation until the end.</summary>
    public static TimeSpan? TotalTime(PSObject run) => Seconds(run, nameof(ComfyRun.TotalSeconds));

    /// <summary>From creation until now.</summary>
    public static TimeSpan? Age(PSObject run) => Since(run, nameof(ComfyRun.CreatedAt));

    /// <summary>Date and time, to the minute.</summary>
    public static string Minute(object? value) => value is DateTime date ? date.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)
        : Clean(value);

    /// <summary>The number of items.</summary>
    public static int Count(System.Collections.ICollection items) => items.Count;

    /// <summary>A date.</summary>
    public static string Day(object? value) => value is DateTime date ? date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
        : Clean(value);

    /// <summary>Seconds with one decimal.</summary>
    public static string SecondsText(object? value) => value is double seconds ? seconds.ToString("0.0", CultureInfo.CurrentCulture)
        : string.Empty;

    /// <summary>An object as compact JSON, the text of <c>Inputs</c>.</summary>
    public static string ToJsonText(PSObject value) => FreeJson.ToJsonText(value);

    private static bool IsFinished(PSObject run) => run.Properties[nameof(ComfyRun.IsFinished)]?.Value switch
    {
        bool finished => finished,
        string text => string.Equals(text, "True", StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    private static TimeSpan? Since(PSObject run, string property)
    {
        if (run.Properties[property]?.Value is not DateTime time) return null;
        // Use the clock that set the time: the service's clock may be hours away from the local one.
        TimeSpan since = DateTime.UtcNow + ((run.BaseObject as ComfyRun)?.ClockOffset ?? TimeSpan.Zero) - time.ToUniversalTime();
        return since < TimeSpan.Zero ? TimeSpan.Zero : since;
    }

    private static TimeSpan? Seconds(PSObject run, string property) =>
        Number(run, property) is { } seconds && Math.Abs(seconds) < MaxSeconds ? TimeSpan.FromSeconds(seconds) : null;

    private static double? Number(PSObject run, string property) => run.Properties[property]?.Value switch
    {
        double number => number,
        int number => number,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.CurrentCulture, out double number) => number,
        _ => null,
    };

    private static string? Text(PSObject run, string property) => run.Properties[property]?.Value?.ToString() is { Length: > 0 } text ? text
        : null;

    /// <summary>Two units at most, seven characters: <c>31s 5m0s 2h10m 3d4h</c>.</summary>
    private static string Span(TimeSpan? span) => span switch
    {
        null => string.Empty,
        { TotalMinutes: < 1 } time => $"{(int)time.TotalSeconds}s",
        { TotalHours: < 1 } time => $"{time.Minutes}m{time.Seconds}s",
        { TotalDays: < 1 } time => $"{time.Hours}h{time.Minutes}m",
        { } time => $"{time.Days}d{time.Hours}h",
    };
}
