using ComfyDeploy.Client;

namespace ComfyDeploy.Commands;

/// <summary>A run that was read, or the error.</summary>
internal sealed record RunReadResult(string RunId, ComfyRun? Run, ComfyDeployException? Error, ComfyDeployClient Client)
{
    internal static async Task<RunReadResult> ReadAsync(
        string runId, RunOrigin? origin, ComfyDeployClient client, CancellationToken cancellationToken)
    {
        try
        {
            ComfyRun run = await client.GetRunAsync(runId, origin, cancellationToken).ConfigureAwait(false);
            return new(runId, run, null, client);
        }
        catch (ComfyDeployException e)
        {
            // The run may be in another account: the message names the connection.
            ComfyDeployException error = e.ErrorId == ErrorIds.RunNotFound ? Errors.RunNotFound(runId, client.Session.Connection.Name, e)
                : e;
            return new(runId, null, error, client);
        }
    }
}
