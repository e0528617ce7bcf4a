using System.Diagnostics;

namespace ComfyDeploy.Tests.Campaign;

/// <summary>
/// Knows when the thread pool has nothing to do. Together with a pipeline thread that waits, that means that nothing happens any more until
/// the clock moves. Whatever was busy before the scenario, such as the test runner, does not count.
/// </summary>
internal sealed class ThreadPoolCalm
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private int _others = Enumerable.Range(0, 10).Min(_ => Busy);

    private static int Busy
    {
        get
        {
            ThreadPool.GetMaxThreads(out int all, out int _);
            ThreadPool.GetAvailableThreads(out int free, out int _);
            return all - free;
        }
    }

    internal void Await()
    {
        SpinWait spin = new();
        long began = Stopwatch.GetTimestamp();
        while (ThreadPool.PendingWorkItemCount > 0 || Busy > _others)
        {
            spin.SpinOnce(sleep1Threshold: -1);
            // Something else of the process has begun to occupy the pool for good.
            if (Stopwatch.GetElapsedTime(began) > Patience) _others = Busy;
        }
    }
}
