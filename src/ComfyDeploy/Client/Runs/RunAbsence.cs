namespace ComfyDeploy.Client;

/// <summary>
/// Whether the service itself says that a run does not exist. A gateway in front of it can answer 404, too, with a text of its own.
/// </summary>
internal static class RunAbsence
{
    private static readonly string[] Statements =
        ["Run not found", "Workflow not found", "not authorized", "Access denied."];

    internal static bool IsStatedBy(ComfyDeployException? failure) =>
        failure is { ErrorId: ErrorIds.RunNotFound } && Statements.Any(failure.Message.Contains);
}
