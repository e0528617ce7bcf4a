using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A run that was read, or why it was not.</summary>
internal sealed record RunReadResult(string RunId, ComfyRun? Run, ComfyDeployException? Error, ComfyDeployClient Client)
{
    internal static async Task<RunReadResult> ReadAsync(string runId, RunOrigin? origin, ComfyDeployClient client, CancellationToken stop)
    {
        try
        {
            ComfyRun run = await client.GetRunAsync(runId, stop, origin).ConfigureAwait(false);
            return new(runId, run, null, client);
        }
        catch (ComfyDeployException e)
        {
            return new(runId, null, Locate(e, runId, client), client);
        }
    }

    /// <summary>A run that is not there may be in another account: the message names the one asked.</summary>
    private static ComfyDeployException Locate(ComfyDeployException error, string runId, ComfyDeployClient client) => error.ErrorId != ErrorIds.RunNotFound
        ? error
        : new(ErrorIds.RunNotFound, $"There is no run {runId} on connection '{client.Session.Connection.Name}'. {error.Message}", error)
        {
            StatusCode = error.StatusCode,
            RequestId = error.RequestId,
        };
}
