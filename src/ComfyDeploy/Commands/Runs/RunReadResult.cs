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
            return new(runId, null, e.ErrorId == ErrorIds.RunNotFound ? NotFound(runId, e, client) : e, client);
        }
    }

    /// <summary>The run may be in another account: the message names the connection. What a gateway says is not about the run.</summary>
    private static ComfyDeployException NotFound(string runId, ComfyDeployException answer, ComfyDeployClient client) =>
        answer.IsForeign ? Errors.RefusedOnTheWay(answer) : Errors.RunNotFound(runId, client.Session.Connection.Name, answer);
}
