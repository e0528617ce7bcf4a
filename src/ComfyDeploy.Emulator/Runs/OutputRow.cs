using System.Text.Json.Nodes;

namespace ComfyDeploy.Emulator.Runs;

/// <summary>One stored output of a run: what a node produced, or the error the run ended with.</summary>
internal sealed class OutputRow
{
    public required Guid Id { get; init; }

    public required DateTime CreatedAt { get; init; }

    /// <summary>The node it came from; null for errors and timings.</summary>
    public string? NodeId { get; init; }

    public string? NodeClass { get; init; }

    /// <summary>The ID the workflow's author gave this output; null when it has none.</summary>
    public string? OutputId { get; init; }

    /// <summary>The key of its files.</summary>
    public string Key { get; init; } = "";

    public IReadOnlyList<OutputFile> Files { get; init; } = [];

    /// <summary>Its content when it has no files; shown by the raw lists, and by GET /run/{id} when it is a list of texts.</summary>
    public JsonNode? Data { get; init; }

    /// <summary>Errors and timings do not fit the shape of an output, so GET /run/{id} leaves them out.</summary>
    public bool RawOnly { get; init; }
}

/// <summary>One file of an output, as it is stored.</summary>
internal sealed class OutputFile
{
    public required string Name { get; init; }

    public string Subfolder { get; init; } = "";

    /// <summary>The path of its link, escaped.</summary>
    public required string Path { get; init; }

    public required string ContentType { get; init; }

    public required bool IsPublic { get; init; }

    public required byte[] Bytes { get; init; }

    public double UploadSeconds { get; init; }
}
