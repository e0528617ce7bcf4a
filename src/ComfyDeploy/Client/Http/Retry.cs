using System.Net.Http.Headers;

namespace ComfyDeploy.Client;

/// <summary>The retry loop of every request and download: which failures it repeats, after what pause, and until when.</summary>
internal sealed class Retry(IClock clock, ICallLog log, int maxRetries = Retry.MaxRetries)
{
    internal const int MaxRetries = 4;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MaxRequestedPause = TimeSpan.FromHours(1);

    /// <summary>No pause may end later than this, UTC.</summary>
    internal DateTime? Deadline { get; init; }

    /// <summary>Once it is cancelled, a failure is final; an attempt under way continues.</summary>
    internal CancellationToken NoRetry { get; init; }

    /// <summary>Repeats an attempt until it succeeds, its error is final, or the retries are used up.</summary>
    /// <param name="sendOnce">One attempt.</param>
    /// <param name="describe">The failed attempt as the start of the warning.</param>
    /// <param name="cancellationToken">Ends the pause between two attempts.</param>
    internal async Task<T> RunAsync<T>(Func<Task<Attempt<T>>> sendOnce, Func<Attempt<T>, string> describe,
        CancellationToken cancellationToken)
    {
        for (int retry = 1; ; retry++)
        {
            Attempt<T> attempt = await sendOnce().ConfigureAwait(false);
            if (attempt.Error is not { } error) return attempt.Value!;
            if (attempt.IsCorrected) continue;
            if (!attempt.CanRetry || retry > maxRetries || NoRetry.IsCancellationRequested) throw error;
            TimeSpan pause = PauseBefore(retry, error.RetryAfter, clock);
            if (clock.Now + pause > Deadline) throw error;
            string left = retry == maxRetries ? "1 retry left" : $"{maxRetries - retry + 1} retries left";
            log.Warning($"{describe(attempt)} Trying again in {pause.TotalSeconds:0.0} s ({left}).");
            using CancellationTokenSource wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, NoRetry);
            try
            {
                await clock.DelayAsync(pause, wait.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw error;
            }
        }
    }

    /// <summary>A 500 is not among them: this service returns it for things that do not exist.</summary>
    internal static bool IsTransient(int status) => status is 408 or 429 or 502 or 503 or 504;

    /// <summary>The pause the answer asked for, or one that doubles with each retry, half of it random to spread the clients.</summary>
    internal static TimeSpan PauseBefore(int retry, TimeSpan? requested, IClock clock)
    {
        if (requested is { } pause) return pause < MaxRequestedPause ? pause : MaxRequestedPause;
        double ceiling = Math.Min(FirstPause.TotalMilliseconds * Math.Pow(2, retry - 1), MaxPause.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(ceiling * (0.5 + (clock.Jitter() / 2)));
    }

    /// <summary>The Retry-After header in either form, seconds or a date.</summary>
    /// <param name="retryAfter">The header.</param>
    /// <param name="now">UTC by the clock of the server that sent it.</param>
    internal static TimeSpan? RequestedPause(RetryConditionHeaderValue? retryAfter, DateTime now)
    {
        if (retryAfter?.Delta is { } delta) return delta;
        if (retryAfter?.Date is not { } date) return null;
        return date.UtcDateTime > now ? date.UtcDateTime - now : TimeSpan.Zero;
    }
}

/// <summary>The result of one attempt: a value or an error.</summary>
/// <param name="Request">The request, for messages.</param>
internal sealed record Attempt<T>(string Request)
{
    internal T? Value { get; init; }

    internal ComfyDeployException? Error { get; init; }

    /// <summary>HTTP status; null without an answer.</summary>
    internal int? Status { get; init; }

    /// <summary>Whether the same request may succeed later.</summary>
    internal bool CanRetry { get; init; }

    /// <summary>Whether the cause is removed, so that the next attempt needs no pause.</summary>
    internal bool IsCorrected { get; init; }

    /// <summary>Whether the request certainly did not reach the service.</summary>
    internal bool NotSent { get; init; }
}
