using System.IO.Compression;
using System.Text;

namespace ComfyDeploy.Emulator.Storage;

/// <summary>Small files of each kind, valid for a viewer, and different for each number they are made from.</summary>
internal static class SampleFiles
{
    private const int Side = 64;

    public static byte[] Png(int variety)
    {
        using MemoryStream file = new();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A], 0, 8);
        const byte BitsPerSample = 8;
        const byte TrueColor = 2;
        WriteChunk(file, "IHDR", [.. BigEndian(Side), .. BigEndian(Side), BitsPerSample, TrueColor, 0, 0, 0]);
        WriteChunk(file, "IDAT", Compress(Pixels(variety)));
        WriteChunk(file, "IEND", []);
        return file.ToArray();
    }

    public static byte[] Wav(int variety)
    {
        const int SampleRate = 8000;
        byte[] samples = new byte[SampleRate / 10];
        for (int i = 0; i < samples.Length; i++) samples[i] = (byte)(128 + (60 * Math.Sin(i * (0.1 + ((variety & 0xFF) / 500.0)))));
        return
        [
            .. Ascii("RIFF"), .. BitConverter.GetBytes(36 + samples.Length), .. Ascii("WAVEfmt "), .. BitConverter.GetBytes(16),
            1, 0, 1, 0, .. BitConverter.GetBytes(SampleRate), .. BitConverter.GetBytes(SampleRate), 1, 0, 8, 0,
            .. Ascii("data"), .. BitConverter.GetBytes(samples.Length), .. samples,
        ];
    }

    public static byte[] Mp4(int variety)
    {
        byte[] content = new byte[2048];
        new Random(variety).NextBytes(content);
        return [.. BigEndian(24), .. Ascii("ftypisom"), 0, 0, 2, 0, .. Ascii("isommp41"), .. BigEndian(8 + content.Length), .. Ascii("mdat"), .. content];
    }

    public static byte[] Glb(int variety)
    {
        byte[] json = Ascii($"{{\"asset\":{{\"version\":\"2.0\",\"generator\":\"emulator {variety:x8}\"}}}}".PadRight(64));
        return
        [
            .. Ascii("glTF"), .. BitConverter.GetBytes(2), .. BitConverter.GetBytes(20 + json.Length),
            .. BitConverter.GetBytes(json.Length), .. Ascii("JSON"), .. json,
        ];
    }

    public static byte[] Text(int variety) => Ascii($"A file produced by a node, number {variety:x8}.\n");

    private static byte[] Pixels(int variety)
    {
        byte[] pixels = new byte[Side * (1 + (3 * Side))];
        int at = 0;
        for (int y = 0; y < Side; y++)
        {
            pixels[at++] = 0;
            for (int x = 0; x < Side; x++)
            {
                pixels[at++] = (byte)(variety + (x * 2));
                pixels[at++] = (byte)((variety >> 8) + (y * 2));
                pixels[at++] = (byte)(variety >> 16);
            }
        }

        return pixels;
    }

    private static byte[] Compress(byte[] data)
    {
        using MemoryStream stream = new();
        using (DeflateStream deflate = new(stream, CompressionLevel.Optimal, leaveOpen: true)) deflate.Write(data, 0, data.Length);
        return [0x78, 0x9C, .. stream.ToArray(), .. BigEndian((int)Adler(data))];
    }

    private static uint Adler(byte[] data)
    {
        const uint Modulus = 65521;
        uint a = 1;
        uint b = 0;
        foreach (byte value in data)
        {
            a = (a + value) % Modulus;
            b = (b + a) % Modulus;
        }

        return (b << 16) | a;
    }

    private static void WriteChunk(MemoryStream file, string type, byte[] data)
    {
        byte[] typed = [.. Ascii(type), .. data];
        byte[] chunk = [.. BigEndian(data.Length), .. typed, .. BigEndian((int)Crc(typed))];
        file.Write(chunk, 0, chunk.Length);
    }

    private static uint Crc(byte[] data)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) == 1 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
        }

        return ~crc;
    }

    private static byte[] BigEndian(int number) => [(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number];

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);
}
