using System.Net.Http.Headers;

namespace ComfyDeploy.Client;

/// <summary>Which failures are worth another try, and after what pause.</summary>
internal static class Retry
{
    internal const int MaxRetries = 4;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestAskedFor = TimeSpan.FromHours(1);
    private static readonly Random Random = new();

    /// <summary>A 500 is not among them: this service answers it for things that are not there.</summary>
    internal static bool IsTransient(int status) => status is 408 or 429 or 502 or 503 or 504;

    /// <summary>The pause the answer asked for, or one that doubles with each try, half of it random so that many waiters spread.</summary>
    internal static TimeSpan PauseBefore(int retry, TimeSpan? askedFor)
    {
        if (askedFor is { } pause) return pause < LongestAskedFor ? pause : LongestAskedFor;
        double ceiling = Math.Min(FirstPause.TotalMilliseconds * Math.Pow(2, retry - 1), LongestPause.TotalMilliseconds);
        lock (Random) return TimeSpan.FromMilliseconds(ceiling * (0.5 + (Random.NextDouble() / 2)));
    }

    /// <summary>For messages: how many retries are left, this one among them.</summary>
    internal static string Left(int retry, int most = MaxRetries) => most == retry ? "1 retry left" : $"{most - retry + 1} retries left";

    /// <summary>Retry-After in either form, seconds or a date.</summary>
    /// <param name="retryAfter">The header.</param>
    /// <param name="now">By the clock of who wrote it.</param>
    internal static TimeSpan? AskedFor(RetryConditionHeaderValue? retryAfter, DateTime now)
    {
        if (retryAfter?.Delta is { } delta) return delta;
        if (retryAfter?.Date is not { } date) return null;
        return date.UtcDateTime > now ? date.UtcDateTime - now : TimeSpan.Zero;
    }
}
