using System.Diagnostics;
using System.Globalization;
using System.Security;
using ComfyDeploy.Client;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// Runs in the child process of <see cref="BatchProcess"/>, whose script calls it by reflection: connects with a clock that is as fast as
/// the emulator's, which no user can do.
/// </summary>
internal static class ScaledClient
{
    /// <summary>Emulated seconds in a second.</summary>
    internal const double Speed = 60;

    // A request takes real time however fast the clock runs.
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(3);

    internal static ComfyConnection Connect(string baseUri, string key, string now)
    {
        SecureString secret = SecureStringText.Protect(key);
        ComfyConnection connection = new("batch", new Uri(baseUri), secret, ApiKeyOwner.Read(secret), RequestTimeout);
        DateTime start = new(long.Parse(now, CultureInfo.InvariantCulture), DateTimeKind.Utc);
        ApiSession.Attach(new(connection, Handler(), new ScaledClock(start), renewHandler: Handler));
        return connection;
    }

    private static HttpClientHandler Handler() => new() { AllowAutoRedirect = false, UseCookies = false, MaxConnectionsPerServer = 32 };

    /// <summary>Real time, multiplied.</summary>
    private sealed class ScaledClock(DateTime start) : IClock
    {
        private readonly Stopwatch _watch = Stopwatch.StartNew();

        public DateTime Now => start + (_watch.Elapsed * Speed);

        public Task DelayAsync(TimeSpan time, CancellationToken cancellationToken) => Task.Delay(time / Speed, cancellationToken);

        public void CancelAfter(CancellationTokenSource source, TimeSpan time) => source.CancelAfter(time);

        public double Jitter() => Random.Shared.NextDouble();

        public void Wait(WaitHandle[] handles, TimeSpan time) => WaitHandle.WaitAny(handles, time);
    }
}
