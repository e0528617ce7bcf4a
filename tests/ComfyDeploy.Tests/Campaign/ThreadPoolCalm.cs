using System.Diagnostics;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// Knows when the thread pool has nothing to do. Together with a pipeline thread that waits, that means that nothing happens any more until
/// the clock moves.
/// </summary>
internal static class ThreadPoolCalm
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>Threads of the pool that something else of the process, such as the test runner, holds for good.</summary>
    private static int _others;

    private static int Busy
    {
        get
        {
            ThreadPool.GetMaxThreads(out int all, out int _);
            ThreadPool.GetAvailableThreads(out int free, out int _);
            return all - free;
        }
    }

    internal static void Await()
    {
        SpinWait spin = new();
        long began = Stopwatch.GetTimestamp();
        while (ThreadPool.PendingWorkItemCount > 0 || Busy > _others)
        {
            spin.SpinOnce(sleep1Threshold: -1);
            if (Stopwatch.GetElapsedTime(began) > Patience) _others = Busy;
        }
        _others = Math.Min(_others, Busy);
    }
}
